# Python with perf trampolines (3.12 and later): names come from the map, which knows functions and files but no lines.
# Whole stacks need an interpreter that was built with frame pointers, which few are.
import os


def look(name):  # EXPECT looked NOLINE STACK look
    try:
        os.open(name, os.O_RDONLY)
    except OSError:
        pass


def outer():
    for _ in range(5):
        look("/matrix/looked")


outer()
