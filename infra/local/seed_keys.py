"""Put API keys into the api_keys table. The table holds only their hash: a key is shown once, here.

On AWS, with your own credentials, after `make deploy`:
    .venv/bin/python infra/local/seed_keys.py --stack settler-prod                      a platform key (admin, no tenant)
    .venv/bin/python infra/local/seed_keys.py --stack settler-prod --tenant acme        a tenant's key (read, write)
"""
import argparse
import hashlib
import secrets
import time


def put(dynamodb, table, key, tenant, scopes):
    item = {
        "pk": {"S": hashlib.sha256(key.encode()).hexdigest()},
        "key_id": {"S": "key_" + hashlib.sha256(b"key id" + key.encode()).hexdigest()[:16]},
        "scopes": {"SS": sorted(scopes)},
        "created": {"N": str(int(time.time() * 1000))},
    }
    if tenant:
        item["tenant_id"] = {"S": tenant}
    dynamodb.put_item(TableName=table, Item=item)


def seed(dynamodb, table, known):
    """One key for each tenant in `known` (None is the platform); a key that is given is put again, a missing one is made."""
    keys = {tenant: key or f"sk_{secrets.token_urlsafe(32)}" for tenant, key in known.items()}
    for tenant, key in keys.items():
        put(dynamodb, table, key, tenant, ["read", "write"] if tenant else ["admin"])
    return keys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--tenant", help="without it, a platform key")
    parser.add_argument("--region")
    arguments = parser.parse_args()

    import boto3

    outputs = boto3.client("cloudformation", region_name=arguments.region).describe_stacks(StackName=arguments.stack)["Stacks"][0]["Outputs"]
    table = next(o["OutputValue"] for o in outputs if o["OutputKey"] == "ApiKeysTable")
    print(seed(boto3.client("dynamodb", region_name=arguments.region), table, {arguments.tenant: None})[arguments.tenant])


if __name__ == "__main__":
    main()
