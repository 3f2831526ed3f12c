"""`make test`: every test, with the stack up for those that need it; a stack that this started is ended again."""
import os
import subprocess
import sys

import down
import up
from stack import OUTPUTS, ROOT, running, say

ON_STACK = "package(settler-tests) & test(/^stack::/)"


def begin(*command, **more):
    say(f"\n$ {' '.join(str(c) for c in command)}")
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"SETTLER_OUTPUTS": str(OUTPUTS)}, **more)


def nextest(which):
    return begin("cargo", "nextest", "run", "--cargo-profile", "local", "--workspace", "--filterset", which, *sys.argv[1:]).wait()


def unittests(folder, **more):
    return begin(sys.executable, "-m", "unittest", "discover", "--start-directory", folder, **more)


def main():
    failed = unittests("infra/tests").wait()
    was_up = running("ministack")
    up.main()
    try:
        # Generated requests mostly wait for their answers: meanwhile the cores build and run what needs no stack. The
        # tests that drive the stack have it to themselves, afterwards.
        generated = unittests("infra/tests/on_stack", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        failed |= nextest(f"not ({ON_STACK})")
        say(generated.communicate()[0])
        failed |= generated.returncode
        failed |= nextest(ON_STACK)
    finally:
        if not was_up:
            down.main()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
