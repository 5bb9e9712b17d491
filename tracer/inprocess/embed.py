#!/usr/bin/env python3
"""Makes the stub's image a part of the tracer.

    embed.py OBJCOPY STUB IMAGE SOURCE
"""

import pathlib
import subprocess
import sys


def main():
    objcopy, stub, image, source = sys.argv[1:]
    subprocess.run([objcopy, "-O", "binary", "--only-section=.image", stub, image], check=True)
    size = pathlib.Path(image).stat().st_size
    assert 0 < size <= 4 << 20, f"the stub's image has {size} bytes"
    path = pathlib.Path(image).resolve()
    pathlib.Path(source).write_text(f"""  .section .rodata
  .balign 16
  .globl sightline_stub_image
sightline_stub_image:
  .incbin "{path}"
  .globl sightline_stub_image_end
sightline_stub_image_end:
  .section .note.GNU-stack, "", @progbits
""", encoding="ascii")


if __name__ == "__main__":
    main()
