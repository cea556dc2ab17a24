"""A host under test: cases through its boundary, in a process that is started again where a case
takes it down."""

import signal
import subprocess
import tempfile
import threading

from tensors import Reader, counted, write

# The guest's, in its order. A peer offers the first.
INTERFACES = ["wasi:nn", "tollgate:nn infer", "tollgate:nn prepared"]

OUTPUTS, FAULT, TRAP, DEATH = 0, 1, 2, 3

# Far above what the slowest case takes; a process that needs longer is ended.
SECONDS_PER_CASE = 120


class Host:
    """One that is `quiet` writes its standard error into a file that is read for the cause of a death."""

    def __init__(self, command, interfaces, quiet):
        self.command, self.interfaces = command, interfaces
        self.errors = tempfile.TemporaryFile() if quiet else None
        self.process = None
        self.version = self.start()

    def start(self):
        if self.errors:
            self.errors.seek(0)
            self.errors.truncate()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.process = subprocess.Popen(self.command, **pipes)
        line = self.process.stdout.readline().decode().strip()
        if not line:
            cause = self.cause(self.process.wait())
            raise SystemExit(f"`{self.command[0]}` ended before it was ready: {cause}")
        return line

    def run(self, interface, model, inputs):
        """What came of it: [`OUTPUTS`] and a list of tensors for each run, or words."""
        frame = bytes([interface]) + counted(model) + write(inputs)
        late = threading.Timer(SECONDS_PER_CASE, self.process.kill)
        late.start()
        try:
            self.process.stdin.write(counted(frame))
            self.process.stdin.flush()
            kind = self.read(1)[0]
            answer = self.read(int.from_bytes(self.read(4), "little"))
        except (BrokenPipeError, EOFError):
            return DEATH, self.died()
        finally:
            late.cancel()
        if kind != OUTPUTS:
            return kind, answer.decode(errors="replace")
        outer, runs = Reader(answer), []
        while not outer.ended():
            runs.append(Reader(outer.counted()).tensors())
        return OUTPUTS, runs

    def read(self, count):
        data = self.process.stdout.read(count)
        if len(data) != count:
            raise EOFError
        return data

    def died(self):
        cause = self.cause(self.process.wait())
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # The rest of the frame that it died on.
        self.start()
        return f"the host died: {cause}"

    def cause(self, code):
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if not self.errors:
            return how
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").splitlines()
        # A panic's words stand in the line after its place.
        panics = [at for at, line in enumerate(lines) if " panicked at " in line]
        said = lines[panics[0] + 1 :] if panics else lines[-1:]
        return f"{how}: {said[0]}" if said else how

    def close(self):
        self.process.stdin.close()
        self.process.wait()
