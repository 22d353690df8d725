"""`python -m nas` is `nas`."""

import sys

# With -m Python looks into the working folder first, so that a `torch.py` there would hide the
# real one. As for `nas`, the folder comes last; `-P` and PYTHONSAFEPATH leave it out already.
if sys.path and not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

from nas.cli.program import program

if __name__ == "__main__":
    program()
