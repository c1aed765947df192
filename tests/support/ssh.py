"""An SSH server of our own on loopback, for one user and one key, and the client's command line."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import psutil

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def have_ssh() -> bool:
    return (
        os.access(SSHD, os.X_OK)
        and shutil.which("ssh") is not None
        and shutil.which("ssh-keygen") is not None
    )


class SshServer:
    """`with SshServer(folder) as server:` then run `server.command("…")` on a pty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
            )
        (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
        (folder / "authorized").chmod(0o600)
        (folder / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nPidFile {folder / 'pid'}\n"
            "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin yes\nUsePAM no\n"
        )

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._log = (self.folder / "sshd.log").open("wb")
        self.process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(self.folder / "config")], stdout=self._log, stderr=self._log
        )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise AssertionError((self.folder / "sshd.log").read_text())

    def __exit__(self, *error: object) -> None:
        self.drop_connections()
        self.process.terminate()
        self.process.wait(10)
        self._log.close()

    def command(self, remote: str) -> list[str]:
        """A client that runs `remote` on a terminal of the server's."""
        return [
            "ssh",
            "-tt",
            *("-p", str(self.port), "-i", str(self.folder / "user"), "-F", "none"),
            *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder / 'known'}"),
            *("-o", "LogLevel=ERROR", f"{getpass.getuser()}@127.0.0.1"),
            remote,
        ]

    def drop_connections(self) -> None:
        """End every connection from the server's side, without a goodbye to what runs in it."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if child.name().startswith("sshd"):
                child.send_signal(signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
