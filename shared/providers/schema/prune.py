#!/usr/bin/env python3
"""Writes admin-2026-10.graphql: the part of Shopify's Admin schema that the adapter's queries reach.

Input: the schema's introspection result, which Shopify publishes in the npm package @shopify/dev-mcp (ISC):

    npm pack @shopify/dev-mcp && tar xzf shopify-dev-mcp-*.tgz package/dist/data/admin_2026-10.json.gz
    schema/prune.py package/dist/data/admin_2026-10.json.gz > schema/admin-2026-10.graphql

Kept are the types below with every field whose own types are kept, scalars or enums. A query that reaches further fails
its test until the type is added here.
"""

import gzip
import json
import sys

ROOT_FIELDS = {"currentAppInstallation", "nodes", "orders", "tenderTransactions"}
KEPT = {
    "QueryRoot", "Node", "PageInfo", "AppInstallation", "AccessScope", "MoneyBag", "MoneyV2",
    "Order", "OrderConnection", "OrderTransaction", "PaymentDetails", "CardPaymentDetails",
    "TenderTransaction", "TenderTransactionConnection",
}
BUILT_IN = {"ID", "String", "Int", "Float", "Boolean"}


def named(of):
    return named(of["ofType"]) if of["ofType"] else of["name"]


def written(of):
    if of["kind"] == "NON_NULL":
        return written(of["ofType"]) + "!"
    return f"[{written(of['ofType'])}]" if of["kind"] == "LIST" else of["name"]


def main(path):
    with gzip.open(path) as file:
        types = {of["name"]: of for of in json.load(file)["data"]["__schema"]["types"]}
    leaves = set()

    def keeps(of):
        name = named(of)
        if name in KEPT:
            return True
        return types[name]["kind"] in ("SCALAR", "ENUM")

    def note(of):
        if named(of) not in KEPT:
            leaves.add(named(of))

    def field(of):
        for every in [of, *of["args"]]:
            note(every["type"])
        args = [f"{arg['name']}: {written(arg['type'])}" + (f" = {arg['defaultValue']}" if arg["defaultValue"] else "") for arg in of["args"]]
        listed = f"({', '.join(args)})" if args else ""
        return f"  {of['name']}{listed}: {written(of['type'])}" + (" @deprecated" if of["isDeprecated"] else "")

    def definition(of):
        if of["kind"] == "UNION":
            return f"union {of['name']} = " + " | ".join(sorted(member["name"] for member in of["possibleTypes"] if member["name"] in KEPT))
        word = "interface" if of["kind"] == "INTERFACE" else "type"
        above = [every["name"] for every in of["interfaces"] or [] if every["name"] in KEPT]
        fields = [one for one in of["fields"] if keeps(one["type"]) and all(keeps(arg["type"]) for arg in one["args"])]
        if of["name"] == "QueryRoot":
            fields = [one for one in fields if one["name"] in ROOT_FIELDS]
        head = f"{word} {of['name']}" + (" implements " + " & ".join(above) if above else "")
        return head + " {\n" + "\n".join(field(one) for one in fields) + "\n}"

    parts = [definition(types[name]) for name in sorted(KEPT)]
    for name in sorted(leaves - BUILT_IN):
        if types[name]["kind"] == "ENUM":
            parts.append(f"enum {name} {{\n" + "\n".join(f"  {value['name']}" for value in types[name]["enumValues"]) + "\n}")
        else:
            parts.append(f"scalar {name}")
    print("# Written by prune.py from Shopify's Admin API schema, version 2026-10 (npm package @shopify/dev-mcp).")
    print("# Copyright Shopify Inc., ISC licence. Do not edit.\n")
    print("schema {\n  query: QueryRoot\n}\n")
    print("\n\n".join(parts))


if __name__ == "__main__":
    main(sys.argv[1])
