"""Puts debug information where other tests' programs don't have it.

pack_debug.py dwp COMPILER DWP SOURCE PROGRAM PACKAGE  builds with split DWARF, packs the .dwo files and removes them
pack_debug.py mini OBJCOPY PROGRAM STRIPPED            leaves nothing but packed symbols, in .gnu_debugdata
"""
import lzma
import os
import subprocess
import sys
import tempfile


def dwp(compiler, packer, source, program, package):
    program, package = os.path.abspath(program), os.path.abspath(package)
    # Relative to nowhere: the .dwo files are gone with the directory.
    with tempfile.TemporaryDirectory() as directory:
        flags = ['-O2', '-g', '-gdwarf-5', '-w']
        subprocess.run([compiler, *flags, '-gsplit-dwarf', '-c', os.path.abspath(source), '-o', 'plain.o'], check=True,
                       cwd=directory)
        subprocess.run([compiler, *flags, 'plain.o', '-o', program], check=True, cwd=directory)
        subprocess.run([packer, '-e', program, '-o', package], check=True, cwd=directory)


def mini(objcopy, program, stripped):
    with tempfile.TemporaryDirectory() as directory:
        symbols = os.path.join(directory, 'symbols')
        subprocess.run([objcopy, '--only-keep-debug', program, symbols], check=True)
        subprocess.run([objcopy, '-S', '--wildcard', '--keep-symbol=*', symbols], check=True)
        packed = os.path.join(directory, 'packed')
        with open(symbols, 'rb') as source, open(packed, 'wb') as target:
            target.write(lzma.compress(source.read(), format=lzma.FORMAT_XZ))
        subprocess.run([objcopy, '--strip-all', '--add-section', '.gnu_debugdata=' + packed, program, stripped],
                       check=True)


{'dwp': dwp, 'mini': mini}[sys.argv[1]](*sys.argv[2:])
