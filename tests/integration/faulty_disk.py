"""A disk that fails or is slow, as told: faulty_disk.c before the libc of one daemon."""
import mmap
import os
import struct
from contextlib import contextmanager

from harness import BUILD

WRITES, SYNCS, ALLOCATIONS, PAGES = 1, 2, 4, 8
ORDERS = struct.Struct("<IiI4II256s")


class FaultyDisk:
    def __init__(self, folder):
        self.file = folder / "faulty_disk"
        self.file.write_bytes(bytes(4096))
        descriptor = os.open(self.file, os.O_RDWR)
        self.memory = mmap.mmap(descriptor, 4096)
        os.close(descriptor)
        library = BUILD / "tests" / "integration" / "faulty_disk.so"
        assert library.exists(), f"{library} is not built"
        self.env = {"LD_PRELOAD": str(library), "FAULTY_DISK": str(self.file)}

    def _order(self, path, what, error, delay_ms):
        self.memory[:ORDERS.size] = ORDERS.pack(what, error, delay_ms, 0, 0, 0, 0, 0, path.encode())

    @contextmanager
    def fault(self, path, what, error=0, delay_ms=0):
        """While it lasts, operations on files whose path contains `path` fail or take longer."""
        self._order(path, what, error, delay_ms)
        try:
            yield self
        finally:
            self._order("", 0, 0, 0)

    @contextmanager
    def watch(self, path):
        """Only counts."""
        with self.fault(path, 0):
            yield self

    def seen(self, what):
        return ORDERS.unpack(self.memory[:ORDERS.size])[3 + (WRITES, SYNCS, ALLOCATIONS, PAGES).index(what)]

    def failed(self):
        return ORDERS.unpack(self.memory[:ORDERS.size])[7]


