"""Looks for credentials in every file of the repository: keys of providers and clouds, tokens, private keys. Ends with 1
and names each place. What only looks random is not looked for: ids and digests of samples and golden files do.
"""
import subprocess
import sys
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[2]
OWN = Path(__file__).with_name("secret_detectors.py")
PLUGINS = [
    *(
        {"name": name}
        for name in (
            "AWSKeyDetector",
            "AzureStorageKeyDetector",
            "BasicAuthDetector",
            "GitHubTokenDetector",
            "GitLabTokenDetector",
            "JwtTokenDetector",
            "NpmDetector",
            "PrivateKeyDetector",
            "PypiTokenDetector",
            "SlackDetector",
            "StripeDetector",
        )
    ),
    {"name": "SettlerKeyDetector", "path": OWN.as_uri()},
    {"name": "ShopifyTokenDetector", "path": OWN.as_uri()},
    {"name": "StripeWebhookSecretDetector", "path": OWN.as_uri()},
]


def found(paths):
    """Place and kind of every credential in these files."""
    with transient_settings({"plugins_used": PLUGINS}):
        return [(str(path), secret.line_number, secret.type) for path in paths for secret in scan_file(str(path))]


def main():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    paths = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    secrets = found(path for path in paths if path.is_file())
    for path, line, kind in secrets:
        print(f"{Path(path).relative_to(ROOT)}:{line}: {kind}. Take it out and revoke it; a sample that is none says `pragma: allowlist secret`")
    sys.exit(1 if secrets else 0)


if __name__ == "__main__":
    main()
