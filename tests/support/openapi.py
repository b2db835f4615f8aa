"""Holds every answer of the service against the committed openapi.yaml."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from flask import Flask, Response
from jsonschema import Draft202012Validator
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DOCUMENT = Path(__file__).parents[2] / "openapi.yaml"


@dataclass(frozen=True)
class Operation:
    """One operation of the document, with the pattern of its path."""

    pattern: re.Pattern[str]
    method: str
    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.description["operationId"])


@dataclass
class ApiDocument:
    """The document, what of it was seen, and every answer that it does not permit."""

    tree: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def committed(cls) -> "ApiDocument":
        return cls(yaml.safe_load(DOCUMENT.read_text("utf-8")))

    @property
    def operations(self) -> list[Operation]:
        return [
            Operation(_pattern(path), method.upper(), described)
            for path, item in self.tree["paths"].items()
            for method, described in item.items()
            if method in {"get", "post", "put", "patch", "delete"}
        ]

    def watch(self, app: Flask) -> None:
        """Check whatever `app` answers from now on, as it leaves it."""
        inner = app.wsgi_app

        def checked(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            response = Response(*run_wsgi_app(inner, environ, buffered=True))
            self.check(environ["REQUEST_METHOD"], environ["PATH_INFO"], response)
            return response(environ, start_response)

        app.wsgi_app = checked  # type: ignore[method-assign]  # as Flask documents it

    def check(self, method: str, path: str, response: Response) -> None:
        """Note a fault unless the document permits this answer of a described operation."""
        for operation in self.operations:
            if operation.method == method and operation.pattern.fullmatch(path):
                self.seen.add((operation.name, response.status_code))
                faults = self._faults(operation.description, response)
                self.faults += [
                    f"{operation.name} {response.status_code}: {fault}" for fault in faults
                ]

    def _faults(self, description: Mapping[str, Any], response: Response) -> list[str]:
        described = description["responses"].get(str(response.status_code))
        if described is None:
            return ["this status is not described"]
        content: Mapping[str, Any] = described.get("content", {})
        if not content:
            return ["a body where none is described"] if response.get_data() else []
        if response.mimetype is None or response.mimetype not in content:
            return [f"the media type {response.mimetype} is not described"]
        missing = [name for name in described.get("headers", ()) if name not in response.headers]
        return missing + self.shape_faults(
            content[response.mimetype]["schema"], response.get_json()
        )

    def shape_faults(self, schema: Mapping[str, Any], value: object) -> list[str]:
        """Return what of `value` does not fit a schema of the document (JSON Schema 2020-12)."""
        whole = {**schema, "components": self.tree["components"]}
        found = Draft202012Validator(whole).iter_errors(value)
        return [f"{error.json_path}: {error.validator} {error.validator_value}" for error in found]

    def request_schema(self, operation_name: str) -> Mapping[str, Any]:
        """Return the schema of an operation's JSON body."""
        operation = next(o for o in self.operations if o.name == operation_name)
        content = operation.description["requestBody"]["content"]
        schema: Mapping[str, Any] = content["application/json"]["schema"]
        return schema


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
