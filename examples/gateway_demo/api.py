"""`python -m examples.gateway_demo.api`: an API that knows nothing of tokens, scopes or levels.

It believes what the proxy says in `X-Auth-*`, and is reached by the proxy alone.
"""

from flask import Flask, Response, jsonify, request

from examples.common.environment import Environment
from examples.common.serving import serve


def create_app() -> Flask:
    """Return the API."""
    app = Flask(__name__)
    app.add_url_rule("/healthz", "healthz", lambda: jsonify(status="ok"))
    app.add_url_rule("/orders", "orders", orders, methods=["GET", "POST"])
    app.add_url_rule("/payments", "payments", payments, methods=["POST"])
    return app


def orders() -> Response:
    """List the orders, or take one."""
    return jsonify(orders=["tea", "ink"], **_caller())


def payments() -> Response:
    """Pay."""
    return jsonify(paid=True, **_caller())


def _caller() -> dict[str, str]:
    """Return who calls, as the proxy says: that is all there is to know."""
    names = ("Sub", "Client", "Scope", "Acr", "Amr")
    return {name.lower(): request.headers.get(f"X-Auth-{name}", "") for name in names}


def main() -> None:
    """Serve on loopback."""
    env = Environment()
    port = env.port("API_PORT", 9300)
    env.finish()
    address = f"http://127.0.0.1:{port}"
    serve(create_app(), host="127.0.0.1", port=port, name="API", address=address)


if __name__ == "__main__":
    main()
