"""How large the functions are as Lambda gets them: the optimised binary of each, zipped. Ends with 1 above the limit."""
import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_MIB = 6
MIB = 1024 * 1024


def zipped(binary):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.write(binary, "bootstrap")
    return out.tell()


def main(folder):
    names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml"))
    sizes = [(name, (folder / name).stat().st_size, zipped(folder / name)) for name in names]
    print(f"## Packages\nEach function's binary as `bootstrap` in a zip. Limit: {LIMIT_MIB} MiB.\n")
    print("| function | binary MiB | zip MiB |\n| :-- | --: | --: |")
    for name, binary, package in sorted(sizes, key=lambda size: -size[2]):
        print(f"| {name} | {binary / MIB:.2f} | {package / MIB:.2f} |")
    too_large = [name for name, _, package in sizes if package > LIMIT_MIB * MIB]
    if too_large:
        sys.exit(f"larger than {LIMIT_MIB} MiB: {', '.join(too_large)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
