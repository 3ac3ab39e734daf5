"""Mounts a folder through FUSE, and records in order what changes it.

recorder.py SOURCE MOUNT LOG [OPERATION=ERRNO ...]

Each line of LOG is an operation in JSON. A file or folder has a number, which it keeps under every name; 0 is the folder that is
mounted. What is there at the beginning is recorded like everything else, before the operation `mounted`.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
LOG = open(sys.argv.pop(3), "w")
import fuse  # noqa: E402: it reads the other arguments


def record(operation, **fields):
    LOG.write(json.dumps({"operation": operation, **fields}) + "\n")
    LOG.flush()


class Recorder(fuse.Folder):
    """Passes each call on, and records those that succeed."""

    def __init__(self):
        # An inode is used again after its file has gone. Then the number is another one.
        self.numbers = {os.lstat(fuse.SOURCE).st_ino: 0}
        self.count = 0
        for folder, folders, files in os.walk(fuse.SOURCE):
            for name in folders + files:
                path = os.path.join(folder, name)
                self.made(path[len(fuse.SOURCE) :])
                if name in files:
                    with open(path, "rb") as file:
                        record("write", file=self.number(path), offset=0, data=file.read().hex())
        record("mounted")

    def number(self, path):
        return self.numbers[os.lstat(path).st_ino]

    def name(self, path):
        folder, name = os.path.split(fuse.here(path))
        return [self.number(folder), name]

    def made(self, path):
        """Gives a new file or folder its number."""
        found = os.lstat(fuse.here(path))
        self.count += 1
        self.numbers[found.st_ino] = self.count
        is_folder = os.path.isdir(fuse.here(path))
        record("make", number=self.count, is_folder=is_folder, mode=found.st_mode & 0o7777)
        record("name", names=[[*self.name(path), self.count]])

    def mkdir(self, path, mode):
        super().mkdir(path, mode)
        self.made(path)

    def create(self, path, mode, fi=None):
        is_new = not os.path.lexists(fuse.here(path))
        handle = super().create(path, mode)
        if is_new:
            self.made(path)
        else:
            record("truncate", file=self.number(fuse.here(path)), length=0)
        return handle

    def open(self, path, flags):
        handle = super().open(path, flags)
        if flags & os.O_TRUNC:
            record("truncate", file=self.number(fuse.here(path)), length=0)
        return handle

    def write(self, path, data, offset, fh):
        written = super().write(path, data, offset, fh)
        record("write", file=self.of(fh), offset=offset, data=data[:written].hex())
        return written

    def truncate(self, path, length, fh=None):
        number = self.number(fuse.here(path))
        super().truncate(path, length)
        record("truncate", file=number, length=length)

    def rename(self, old, new, flags=0):
        there = self.number(fuse.here(new)) if os.path.lexists(fuse.here(new)) else None
        moved, names = self.number(fuse.here(old)), [self.name(old), self.name(new)]
        super().rename(old, new, flags)
        back, replaced = (there, None) if flags & fuse.RENAME_EXCHANGE else (None, there)
        record("name", names=[[*names[0], back], [*names[1], moved]], emptied=replaced)

    def link(self, target, source):
        os.link(fuse.here(source), fuse.here(target), follow_symlinks=False)
        record("name", names=[[*self.name(target), self.number(fuse.here(target))]])

    def unlink(self, path):
        name = self.name(path)
        super().unlink(path)
        record("name", names=[[*name, None]])

    def rmdir(self, path):
        name, folder = self.name(path), self.number(fuse.here(path))
        super().rmdir(path)
        record("name", names=[[*name, None]], emptied=folder)

    def fsync(self, path, datasync, fh):
        super().fsync(path, datasync, fh)
        record("sync", number=self.of(fh))

    def fsyncdir(self, path, datasync, fh):
        super().fsyncdir(path, datasync, fh)
        record("sync", number=self.number(fuse.here(path)))

    def of(self, fh):
        return self.numbers[os.fstat(fh).st_ino]


fuse.Mount(Recorder(), hard_remove=True)
