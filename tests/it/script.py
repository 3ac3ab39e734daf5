"""Runs a script, and ends as soon as the script has: `script.py SCRIPT [ARGUMENT ...]`.

A process that has read Parquet with pyarrow 26 now and then aborts while Python ends, after all was said. Here Python does not
get to that: the process leaves with the exit code of the script.
"""

import os
import runpy
import sys
import traceback

sys.argv.pop(0)
sys.path[0] = os.path.dirname(sys.argv[0])
code = 0
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    if not isinstance(end.code, int | None):
        print(end.code, file=sys.stderr)
        end.code = 1
    code = end.code or 0
except BaseException:
    traceback.print_exc()
    code = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
