# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an event takes through the guest, by the kernel's own record of system calls."""
import os
import re
import subprocess


class Trace:
    """The kernel's own record of who sent, received and wrote when."""
    HERE = "/sys/kernel/tracing"

    def put(self, name, value):
        with open(f"{self.HERE}/{name}", "w") as f:
            f.write(value)

    def __enter__(self):
        if not os.path.exists(f"{self.HERE}/trace"):
            subprocess.run(["mount", "-t", "tracefs", "tracefs", self.HERE], check=True)
        self.put("trace_clock", "mono")
        self.put("buffer_size_kb", "8192")
        self.put("events/syscalls/sys_exit_recvmsg/filter", "ret > 0")
        for event in ("sys_exit_recvmsg", "sys_enter_sendmsg"):
            self.put(f"events/syscalls/{event}/enable", "1")
        self.put("tracing_on", "1")
        return self

    def __exit__(self, *exc):
        self.put("tracing_on", "0")
        with open(f"{self.HERE}/trace") as f:
            self.lines = f.read().splitlines()

    def spans(self, host_pid, probe_pid, seen):
        """For each event, (when written, when read): since the probe's last datagram, and since the host took it."""
        threads = set(map(int, os.listdir(f"/proc/{host_pid}/task")))
        taken, sent = [], []
        for line in self.lines:
            m = re.match(r".*-(\d+)\s+\[\d+\]\s+\S+\s+([\d.]+): (sys_\w+)", line)
            if not m:
                continue
            pid, at, what = int(m[1]), int(float(m[2]) * 1e9), m[3]
            if what == "sys_sendmsg" and pid == probe_pid:
                sent.append(at)
            elif what == "sys_recvmsg" and pid in threads:
                taken.append(at)
        out = {"sent to read": [], "received to read": [], "received to written": []}
        for written, read in seen:
            t = max((x for x in taken if x <= written), default=None)
            s = max((x for x in sent if t and x <= t), default=None)
            if s is not None and written - s < 1e9:
                out["sent to read"].append(read - s)
                out["received to read"].append(read - t)
                out["received to written"].append(written - t)
        return out
