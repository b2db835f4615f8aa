"""One page: where to go, what to press, what to type on the phone."""

from flask import Flask, render_template

from examples.common.pages import install_pages
from examples.demo.cast import PASSWORDS
from examples.tour.settings import Settings

PIN = "482915"


def create_app(settings: Settings) -> Flask:
    """Return the page's server; it knows nothing but addresses and the demo's passwords."""
    app = Flask(__name__)
    install_pages(app)

    @app.get("/")
    def tour() -> str:
        return render_template("tour.html", at=settings, passwords=PASSWORDS, pin=PIN)

    return app
