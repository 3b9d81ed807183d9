"""Errors that reach a person: one line that names what is wrong, where, and what to do."""


class OrcError(Exception):
    """A failure that the person can act on; `str()` is the one line that is shown."""


class UsageError(OrcError):
    """The command line was wrong (exit status 2)."""


class ConfigError(OrcError):
    """The configuration file cannot be used as it stands."""


class StoreError(OrcError):
    """The event store cannot be used."""


class StoreNotWritable(StoreError):
    """The state directory or the database refuses writes."""


class DiskFull(StoreError):
    """No space left for the event store."""


class NewerSchema(StoreError):
    """The database was written by a newer orc."""


class StoreDamaged(StoreError):
    """SQLite says that the file is not a sound database."""


class StoreBusy(StoreError):
    """Another program held the database's lock for longer than the busy timeout."""


class NetworkFilesystem(StoreError):
    """The state directory lies on a network file system, where SQLite's locks do not hold."""


class HostRunning(OrcError):
    """Another host already has this state directory."""
