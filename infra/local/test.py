"""`make test`: every test, with the stack up for those that need it; a stack that this started is ended again."""
import os
import subprocess
import sys

import down
import up
from stack import OUTPUTS, ROOT, running, say


def run(*command):
    say(f"\n$ {' '.join(str(c) for c in command)}")
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"SETTLER_OUTPUTS": str(OUTPUTS)}, check=False).returncode


def main():
    failed = run(sys.executable, "-m", "unittest", "discover", "--start-directory", "infra/tests")
    was_up = running("ministack")
    up.main()
    try:
        failed |= run(sys.executable, "-m", "unittest", "discover", "--start-directory", "infra/tests/on_stack")
        failed |= run("cargo", "nextest", "run", "--cargo-profile", "local", "--workspace", *sys.argv[1:])
    finally:
        if not was_up:
            down.main()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
