"""Payloads keep to the API that Spark Connect has, so that one script runs on classic Spark, on Connect and on Sail."""

from __future__ import annotations

import ast

import pytest

# No server of Spark Connect offers these; Sail also lacks the last three.
CLASSIC_ONLY = {
    "SparkContext",
    "sparkContext",
    "rdd",
    "toJavaRDD",
    "mapPartitions",
    "mapPartitionsWithIndex",
    "foreachPartition",
    "broadcast_unpersist",
    "_jvm",
    "_jsc",
    "_jdf",
    "_sc",
    "input_file_name",
    "addArtifact",
    "addArtifacts",
}


def _classic_only(tree: tuple[ast.AST, ...]) -> list[tuple[int, str]]:
    found = []
    for node in tree:
        if isinstance(node, ast.Attribute) and node.attr in CLASSIC_ONLY:
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.Name) and node.id in CLASSIC_ONLY:
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.ImportFrom):
            found.extend((node.lineno, alias.name) for alias in node.names if alias.name in CLASSIC_ONLY)
    return found


def test_payloads_keep_to_the_api_of_spark_connect(repository):
    uses = [
        f"{module.path}:{line}: {name}"
        for module in repository.under("spark/")
        if not module.path.startswith("spark/driver/")
        for line, name in _classic_only(module.nodes)
    ]
    assert uses == []


@pytest.mark.parametrize(
    "line",
    [
        "frame.rdd.map(f)",
        "from pyspark import SparkContext",
        "session.sparkContext.parallelize([1])",
        "session._jvm.java",
        "frame.select(F.input_file_name())",
        "session.addArtifacts('x.py', pyfile=True)",
    ],
)
def test_the_rule_sees_each_way_out(line):
    assert _classic_only(tuple(ast.walk(ast.parse(line))))
