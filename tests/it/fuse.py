"""Mounts a folder once more through FUSE, without some of its operations.

fuse.py SOURCE MOUNT [OPERATION=ERRNO ...]

An operation is `rename-folder`, `exchange`, `fsync` or `fsyncdir`; ERRNO is a name such as ENOSYS. With `names=folded` it takes
names for one that differ in case, in composed letters or in final dots.
Ends with code 3 if mfusepy, or the libfuse that it needs, is not installed.
"""

import ctypes
import errno
import os
import sys
import unicodedata

try:
    import mfusepy
except (ImportError, OSError) as error:
    print(error, file=sys.stderr)
    sys.exit(3)

SOURCE, MOUNT = (os.path.abspath(path) for path in sys.argv[1:3])
REFUSED = dict(argument.split("=") for argument in sys.argv[3:])
RENAME_EXCHANGE = 2
LIBC = ctypes.CDLL(None, use_errno=True)
STAT = ("st_atime", "st_ctime", "st_gid", "st_ino", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid", "st_blocks")


def refuse(operation):
    if operation in REFUSED:
        raise OSError(getattr(errno, REFUSED[operation]), operation)


def folded(name):
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name.rstrip(".")).casefold())


def here(path):
    if REFUSED.get("names") != "folded":
        return SOURCE + path
    found = SOURCE
    for name in filter(None, path.split("/")):
        names = os.listdir(found) if os.path.isdir(found) else []
        found = os.path.join(found, next((other for other in names if folded(other) == folded(name)), name))
    return found


class Folder(mfusepy.Operations):
    """Passes each call on to SOURCE."""

    use_ns = True

    def access(self, path, mode):
        if not os.access(here(path), mode):
            raise OSError(errno.EACCES, path)
        return 0

    def getattr(self, path, fh=None):
        # A file that is open may have no name any more.
        stat = os.lstat(here(path)) if fh is None else os.fstat(fh)
        found = {key: getattr(stat, key) for key in STAT}
        return found | {key: int(found[key] * 1e9) for key in ("st_atime", "st_ctime", "st_mtime")}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(here(path))]

    def readlink(self, path):
        return os.readlink(here(path))

    def mkdir(self, path, mode):
        return os.mkdir(here(path), mode)

    def rmdir(self, path):
        return os.rmdir(here(path))

    def unlink(self, path):
        return os.unlink(here(path))

    def chmod(self, path, mode):
        return os.chmod(here(path), mode)

    def chown(self, path, uid, gid):
        return os.chown(here(path), uid, gid, follow_symlinks=False)

    def utimens(self, path, times=None):
        return os.utime(here(path))

    def rename(self, old, new, flags=0):
        if os.path.isdir(here(old)):
            refuse("rename-folder")
        if flags & RENAME_EXCHANGE:
            refuse("exchange")
        at_here = -100
        if LIBC.renameat2(at_here, os.fsencode(here(old)), at_here, os.fsencode(here(new)), flags) != 0:
            raise OSError(ctypes.get_errno(), old)

    def statfs(self, path):
        found = os.statvfs(here(path))
        return {key: getattr(found, key) for key in dir(found) if key.startswith("f_") and key != "f_fsid"}

    def open(self, path, flags):
        return os.open(here(path), flags)

    def create(self, path, mode, fi=None):
        return os.open(here(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(here(path), length)

    def flush(self, path, fh):
        return 0

    def release(self, path, fh):
        return os.close(fh)

    def fsync(self, path, datasync, fh):
        refuse("fsync")
        return os.fsync(fh)

    def fsyncdir(self, path, datasync, fh):
        refuse("fsyncdir")
        return 0


class Mount(mfusepy.FUSE):
    """Mounts until it is unmounted."""

    def __init__(self, folder, **options):
        super().__init__(folder, MOUNT, foreground=True, nothreads=True, default_permissions=True, **options)

    def rename_fuse_3(self, old, new, flags):
        # The one of mfusepy loses the flags: an exchange would be a rename.
        return self.operations.rename(os.fsdecode(old), os.fsdecode(new), flags) or 0


if __name__ == "__main__":
    Mount(Folder())
