"""Run the configurations of `examples/gateway` at other addresses than they have in the file."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

CONFIGURATIONS = Path(__file__).parents[1] / "gateway"
LISTEN, SERVICE, API = "127.0.0.1:8080", "127.0.0.1:8000", "127.0.0.1:9300"
_FRAME = """\
{user}pid nginx.pid;
error_log error.log;
daemon off;
worker_processes 1;
events {{
    worker_connections 128;
}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include example.conf;
}}
"""


def adapted(name: str, places: Mapping[str, str]) -> str:
    """Return a configuration with its addresses replaced, each `host:port` by another."""
    text = (CONFIGURATIONS / name).read_text("utf-8")
    for usual, actual in places.items():
        text = text.replace(usual, actual)
    return text


def nginx_command(folder: Path, *, listen: str, service: str, api: str) -> list[str]:
    """Write the example's configuration to `folder`, and return what runs nginx with it."""
    places = {LISTEN: listen, SERVICE: service, API: api}
    (folder / "example.conf").write_text(adapted("nginx.conf", places))
    user = "user root;\n" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(_FRAME.format(user=user))
    return [nginx_program(), "-p", str(folder), "-c", str(configuration)]


def nginx_program() -> str:
    """Return where nginx is; Debian keeps it off the path of ordinary users."""
    return shutil.which("nginx") or "/usr/sbin/nginx"
