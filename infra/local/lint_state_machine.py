"""statelint over every state machine. It does not know yet that a JSONata Wait may compute its Seconds: it gets a number there."""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def literal(node):
    if isinstance(node, dict):
        node = {k: literal(v) for k, v in node.items()}
        if node.get("Type") == "Wait" and isinstance(node.get("Seconds"), str) and node["Seconds"].startswith("{%"):
            node["Seconds"] = 1
        return node
    return [literal(v) for v in node] if isinstance(node, list) else node


def main():
    failed = 0
    tool = pathlib.Path(sys.executable).with_name("statelint")
    for path in sorted((ROOT / "infra/statemachines").glob("*.asl.json")):
        text = json.dumps(literal(json.loads(path.read_text())))
        done = subprocess.run([tool, "--ignore=FLOAT", text], capture_output=True, text=True, check=False)
        output = (done.stdout + done.stderr).strip()
        if done.returncode or "error" in output:
            failed = 1
            print(f"{path.relative_to(ROOT)}: {output}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
