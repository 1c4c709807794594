"""What lies where in the data directory of a local stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cli.private import tighten

# Longer than DRAIN_S: a service that is told to stop ends by itself.
SERVICE_GRACE_S = 20.0
SERVER_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one data directory."""

    root: Path

    @property
    def lock(self) -> Path:
        """Return the file that is locked while a stack uses the directory."""
        return self.root / "lock"

    @property
    def stack(self) -> Path:
        """Return the file that tells other commands how to reach the stack."""
        return self.root / "stack.json"

    @property
    def services(self) -> Path:
        """Return the directory of the services' pid files."""
        return self.root / "run" / "services"

    @property
    def servers(self) -> Path:
        """Return the directory of the pid files of Valkey and PostgreSQL."""
        return self.root / "run" / "servers"

    @property
    def logs(self) -> Path:
        """Return the directory of everybody's log files."""
        return self.root / "logs"

    @property
    def password(self) -> Path:
        """Return the file that holds Valkey's password."""
        return self.root / "valkey.password"

    @property
    def valkey(self) -> Path:
        """Return Valkey's data."""
        return self.root / "valkey"

    @property
    def postgres(self) -> Path:
        """Return PostgreSQL's data."""
        return self.root / "postgres"

    @property
    def devchain(self) -> Path:
        """Return the journal of the development chain."""
        return self.root / "devchain"

    @property
    def wallets(self) -> Path:
        """Return the file of wallets; their keys lie beside it."""
        return self.root / "wallets" / "wallets.toml"

    @property
    def prometheus(self) -> Path:
        """Return Prometheus's configuration and data."""
        return self.root / "prometheus"

    def make(self) -> None:
        """Create the directories that are missing, for this user alone. Raises `OSError`."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders = (self.services, self.servers, self.logs, self.valkey, self.prometheus)
        for path in (*folders, self.devchain, self.wallets.parent):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def tighten(self) -> None:
        """Shut others out of what an older version left open to them. Raises `OSError`.

        PostgreSQL sees to its own. A root that holds other things too may be meant for others.
        """
        ours = [self.lock, self.stack, self.password, self.services.parent, self.logs]
        ours += [self.valkey, self.prometheus, self.devchain, self.wallets.parent]
        for path in ours:
            tighten(path)
        if set(self.root.iterdir()) <= {*ours, self.postgres}:
            self.root.chmod(0o700)
