"""`python -m examples.try_it` (`make run`): the service and all examples, to try by hand."""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from examples.demo.processes import ROOT, Processes, run, script
from examples.demo.stage import Stage
from examples.demo.story import Deviation

INSTANCE = ROOT / "instance"
CLIENT_FILE = INSTANCE / "try-it-client.json"
WORDS = """\
Ready. Open

  {tour}

It leads through everything, with the phone on the command line. Ctrl-C stops it.
What you enroll is kept in {folder}.
"""


class KeptStage(Stage):
    """The stage of the demo at fixed addresses, on the database that stays in `instance/`."""

    def add_client(self) -> tuple[str, ...]:
        """Use the client of the last time if the database still knows it, else make one."""
        known = json.loads(CLIENT_FILE.read_text("utf-8")) if CLIENT_FILE.exists() else {}
        printed = run(
            [script("mfa"), "client", "list", "--json"],
            environment=self._service_env(),
            at=self.folder,
        )
        enabled = {row["client_id"] for row in json.loads(printed) if not row["disabled"]}
        if known.get("client_id") in enabled:
            self.client = known
            return ()
        told = super().add_client()
        handle = os.open(CLIENT_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self.client, file)
        return told

    def _service_env(self) -> dict[str, str]:
        return self._places()


def main() -> int:
    """Serve until Ctrl-C; the exit status is 1 when something does not start."""
    signal.signal(signal.SIGTERM, _interrupt)
    logs = INSTANCE / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Processes(logs) as processes:
        stage = KeptStage(
            ROOT,
            processes,
            service="http://localhost:8000",
            server="http://localhost:9000",
            shop="http://localhost:9100",
            page="http://localhost:9200",
            tour="http://localhost:9300",
        )
        try:
            for start in (
                stage.start_service,
                stage.add_client,
                stage.start_server,
                stage.start_shop,
                stage.start_page,
            ):
                start()
            stage.start_tour(_phone())
            sys.stdout.write(WORDS.format(tour=stage.tour, folder=INSTANCE.relative_to(ROOT)))
            sys.stdout.flush()
            signal.pause()
        except KeyboardInterrupt:
            sys.stdout.write("\nStopped.\n")
        except Deviation as fault:
            sys.stderr.write(f"{fault}\n{processes.last_words()}\n")
            return 1
    return 0


def _phone() -> str:
    state = INSTANCE.relative_to(ROOT) / "phone.json"
    return f"{_shown(script('mobile-stub'))} --state {state}"


def _shown(program: str) -> str:
    path = Path(program)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else program


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
