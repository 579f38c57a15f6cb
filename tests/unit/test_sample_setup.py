"""test_sample_setup.py - tools/setup asks for nothing where nothing is missing, and refuses clearly where it may not.

Why:   it is the first thing that a new machine runs.
Rules: dpkg-query and sudo are replaced by scripts on PATH; nothing is installed by these tests. The installation itself was
       tried in a fresh debootstrap root and is tried by every first run on a new machine.
Runs in: tools/test (unit).
"""

import os
import pty
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class SetupTest(unittest.TestCase):
    """tools/setup as an ordinary user."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        os.chmod(self.directory.name, 0o755)
        self.script("setup", open(os.path.join(ROOT, "tools", "setup"), encoding="utf-8").read())

    def tearDown(self):
        self.directory.cleanup()

    def script(self, name, text):
        """A program on the test's PATH."""
        path = os.path.join(self.directory.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def run_setup(self, *arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, path="/usr/bin:/bin"):
        """Runs it as nobody, with the test's programs before the machine's."""
        command = [os.path.join(self.directory.name, "setup"), *arguments]
        if os.geteuid() == 0:
            command = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *command]
        return subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False,
                              env={"PATH": f"{self.directory.name}:{path}"})

    def test_nothing_missing_needs_nothing(self):
        """Everything installed: exit 0, not a word, no root."""
        self.script("dpkg-query", "#!/bin/sh\nprintf installed\n")
        done = self.run_setup("--all")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_list_says_what_is_missing(self):
        """--list prints missing packages one a line; a removed package that left its configuration counts as missing."""
        self.script("dpkg-query", '#!/bin/sh\nfor last; do :; done\n[ "$last" = make ] && printf config-files || printf installed\n')
        self.assertEqual(self.run_setup("--list", "--build").stdout, "make\n")

    def test_scopes_contain_each_other(self):
        """--test includes --demo, which includes --build; --all is the default."""
        self.script("dpkg-query", "#!/bin/sh\nexit 1\n")
        lists = [set(self.run_setup("--list", *more).stdout.split()) for more in (["--build"], ["--demo"], ["--test"], [])]
        self.assertLess(lists[0], lists[1])
        self.assertLess(lists[1], lists[2])
        self.assertEqual(lists[2], lists[3])
        self.assertIn("mosquitto", lists[1] - lists[0])

    def test_without_terminal_it_says_the_command(self):
        """Missing packages, no root, no terminal: exit 1 with the exact command; without sudo too."""
        self.script("dpkg-query", "#!/bin/sh\nexit 1\n")
        self.script("sudo", "#!/bin/sh\necho called >&2\n")
        done = self.run_setup("--demo")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"run: sudo {self.directory.name}/setup --demo\n", done.stderr)
        self.assertNotIn("called", done.stderr)

    def test_on_a_terminal_it_asks_first(self):
        """"n" installs nothing; "y" calls sudo with this script and the same scope."""
        self.script("dpkg-query", "#!/bin/sh\nexit 1\n")
        self.script("sudo", '#!/bin/sh\necho "sudo $*"\n')
        for answer, status, words in (("n\n", 1, ""), ("y\n", 0, f"sudo {self.directory.name}/setup --demo\n")):
            master, slave = pty.openpty()
            os.write(master, answer.encode())
            done = self.run_setup("--demo", stdin=slave, stderr=slave)
            os.close(slave)
            os.close(master)
            self.assertEqual((done.returncode, done.stdout), (status, words))

    def test_wrong_usage(self):
        """An unknown argument: exit 2 and the usage."""
        done = self.run_setup("--everything")
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage: tools/setup", done.stderr)


if __name__ == "__main__":
    unittest.main()
