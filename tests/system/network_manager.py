# SPDX-License-Identifier: Apache-2.0
"""A system bus of a test's own (the real dbus-daemon), and NetworkManager played on it: what it says of `Metered` comes by
lines on stdin, and each is answered by one on stdout."""

import contextlib
import os
import subprocess
import sys

NAME, PATH, PROPERTIES = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.DBus.Properties"

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
</busconfig>
"""


class Played:
    """NetworkManager in a process of its own."""

    def __init__(self, address, says):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", __file__, says], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address})
        self.hear()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, "NetworkManager has ended"
        return int(line)

    def say(self, what):
        """How often it had been asked by then."""
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self):
        self.process.kill()
        self.process.wait()


class Bus:
    def __init__(self, folder):
        self.path = folder / "bus"
        self.address = f"unix:path={self.path}"
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self.config = folder / "bus.conf"
        self.config.write_text(CONFIG.format(self.path))
        self.played = []
        self.start()

    def start(self):
        self.path.unlink(missing_ok=True)
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nopidfile", "--print-address=1", f"--config-file={self.config}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.daemon.stdout.readline(), "the bus has not begun"

    def play(self, says):
        self.played.append(Played(self.address, says))
        return self.played[-1]

    def die(self):
        """The daemon alone, without a word of anybody who was on it."""
        self.daemon.kill()
        self.daemon.wait()

    def end(self):
        self.die()
        for played in self.played:
            played.end()


@contextlib.contextmanager
def bus_in(folder):
    bus = Bus(folder)
    try:
        yield bus
    finally:
        bus.end()


def main():
    import dbus
    import dbus.lowlevel
    import dbus.service
    from dbus.mainloop.glib import DBusGMainLoop
    from gi.repository import GLib

    class NetworkManager(dbus.service.Object):
        says, asked, changes = sys.argv[1], 0, 0

        @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v", async_callbacks=("answer", "fail"))
        def Get(self, interface, name, answer, fail):
            self.asked += 1
            if (interface, name) != (NAME, "Metered") or self.says == "refuses":
                fail(dbus.exceptions.DBusException("no such property"))
            elif self.says == "text":
                answer("yes" * 100000)
            elif self.says == "boolean":
                answer(dbus.Boolean(True))
            elif self.says != "nothing":
                answer(dbus.UInt32(int(self.says)))

        @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
        def PropertiesChanged(self, interface, changed, invalidated):
            pass

    bus = dbus.SystemBus(mainloop=DBusGMainLoop())
    name = dbus.service.BusName(NAME, bus)
    manager = NetworkManager(name, PATH)

    def take(channel, condition):
        line = sys.stdin.readline().strip()
        if not line:
            os._exit(0)
        manager.says, _, times = line.partition(" ")
        for _ in range(int(times or 1)):
            manager.PropertiesChanged(NAME, {"Metered": dbus.UInt32(1)}, [])
        print(manager.asked, flush=True)
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN, take)
    print(0, flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
