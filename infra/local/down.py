"""`make down`: end exactly what `make up` started, and leave nothing behind (with SETTLER_PERSIST=1, its state)."""
import fcntl

from stack import LOCAL, OUTPUTS, PROCESSES, DEPLOYED, Settings, end, remove, say, timed


def main():
    if not LOCAL.exists():
        say("Nothing is running.")
        return
    with open(LOCAL / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = Settings()
        for name in ("sandbox", "ministack"):
            with timed(f"end {name}"):
                end(name)
        kept = {"state", "s3", DEPLOYED.name, OUTPUTS.name} if settings.persist else set()
        for path in LOCAL.iterdir():
            if path.name not in kept and path.name != "lock":
                remove(path)
        if settings.persist:
            say("State is kept in .local: `SETTLER_PERSIST=1 make up` goes on with it.")
    if settings.persist:
        return
    remove(LOCAL)


if __name__ == "__main__":
    main()
