"""Moves a program's debug information to a file of its own: objcopy PROGRAM STRIPPED DEBUG."""
import os
import subprocess
import sys

objcopy, program, stripped, debug = sys.argv[1:]
subprocess.run([objcopy, '--only-keep-debug', program, debug], check=True)
# The link names the file without a directory, so objcopy must run beside it.
subprocess.run([objcopy, '--strip-all', '--add-gnu-debuglink=' + os.path.basename(debug), os.path.abspath(program),
                os.path.basename(stripped)], check=True, cwd=os.path.dirname(os.path.abspath(debug)))
