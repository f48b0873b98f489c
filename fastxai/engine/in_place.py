"""`a += b` in a network's source, read as `a = a + b` while it is exported.

MindSpore from 2.8 on reads `a += b` on Tensors as an operator that changes `a` where it lies, and
has no ONNX for such operators; residual networks are full of them. The two differ only where
another name for the same Tensor is used afterwards. Whether that is so is not looked into: an
exported network is compared with MindSpore's scores before it is used.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _OutOfPlace(ast.NodeTransformer):
    """Rewrites augmented assignments to plain names."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:  # noqa: N802 as ast calls it
        """`a += b` as `a = a + b`, at the same place of the source."""
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        load = _at(ast.Name(id=node.target.id, ctx=ast.Load()), node.target)
        total = _at(ast.BinOp(left=load, op=node.op, right=node.value), node)
        return _at(ast.Assign(targets=[node.target], value=total), node)


def _at(made: Any, node: ast.AST) -> Any:
    """A node with the place of another; MindSpore's messages need the tokens too."""
    for name in ("first_token", "last_token"):
        if hasattr(node, name):
            setattr(made, name, getattr(node, name))
    return ast.copy_location(made, node)


def source_parser() -> Any:
    """MindSpore's class that reads the source of networks."""
    try:
        from mindspore.graph._parse.parser import Parser
    except ImportError:  # MindSpore 2.7 and 2.8
        from mindspore._extends.parse.parser import Parser
    return Parser


@contextmanager
def without_in_place() -> Iterator[None]:
    """Has MindSpore read networks so for as long as it lasts."""
    Parser = source_parser()
    parse = Parser.parse

    def rewritten(parser: Any) -> Any:
        tokens, tree = parse(parser)
        if tree is None or not any(isinstance(node, ast.AugAssign) for node in ast.walk(tree)):
            return tokens, tree
        return tokens, _OutOfPlace().visit(copy.deepcopy(tree))  # MindSpore keeps the tree

    Parser.parse = rewritten
    try:
        yield
    finally:
        Parser.parse = parse
