"""What does the system say when a file cannot be written or read, in words for people?

One place for all commands: whatever they write, a full disk ends them with the same message.
"""

import errno

from nas.errors import NasError, RunFolderError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_TAKEN = (
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENOENT,
    errno.ELOOP,
    errno.ENXIO,
    errno.ENOTEMPTY,
)
_REMEDIES = {
    **dict.fromkeys(_FULL, "free the disk and give the command again"),
    **dict.fromkeys(_FORBIDDEN, "make the place writable, or choose another one"),
    **dict.fromkeys(_TAKEN, "move away what stands there, or let nas repair do so"),
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "look after the disk, then give the command again",
    errno.ESTALE: "look after the network disk, then give the command again",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs: the system has no room for more open files",
}


def disk_fault(error: BaseException) -> NasError | None:
    """Return the message for a file that cannot be used; None for errors of another kind."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno in _REMEDIES:
            return _told(found)
        found = found.__cause__
    return None


def _told(error: OSError) -> RunFolderError:
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    place = names[-1] if names else "what the command writes"
    return RunFolderError(
        f"{place} cannot be used: {error.strerror}; {_REMEDIES[error.errno or 0]}. "
        "Everything acknowledged so far is safe"
    )
