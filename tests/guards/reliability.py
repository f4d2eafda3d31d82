"""Guards against loss, whatever is killed, whoever comes at once, and whatever is full."""

from __future__ import annotations

from .guard import Edit, Guard

KILL = "tests/reliability/test_kill.py::test_killed_at_every_system_call"
POWER = "tests/reliability/test_power.py::test_a_power_cut_after_any_write"
CROWD = "tests/reliability/test_crowd.py::test_everybody_at_once"
LIMITS = "tests/reliability/test_limits.py::"
SPOOL_FILES = "tests/unit/store/test_attack_spool_files.py::"

GUARDS = (
    Guard(
        "a file is written beside its place and renamed",
        (
            Edit(
                "busy_callback/store/durable.py",
                "    move(data, temporary, final, flush=True)\n    flush",
                "    move(data, final, final, flush=True)\n    flush",
            ),
        ),
        (f"{KILL}[RegisterAgain]", f"{POWER}[registering]"),
    ),
    Guard(
        "an end is on disk before its request goes",
        (
            Edit(
                "busy_callback/store/spool.py",
                '            self._write("ended", new)\n            os.unlink(self.path("requests", old.id))\n',
                '            os.unlink(self.path("requests", old.id))\n            self._write("ended", new)\n',
            ),
        ),
        (f"{KILL}[Cancel]", f"{KILL}[CancelByCaller]", f"{KILL}[Poll]", f"{POWER}[ending]"),
    ),
    Guard(
        "a cancel withdraws the recall that was handed over",
        (
            Edit(
                "busy_callback/store/spool.py",
                'withdraw(self.path("recalls", f"{request_id}.{request.attempt}"), CANCELLED)',
                "[CANCELLED]",
            ),
        ),
        (f"{KILL}[Cancel]", f"{KILL}[CancelByCaller]"),
    ),
    Guard(
        "whoever can't be served hears it",
        (Edit("busy_callback/agi.py", "if complaint and not verb:", "if False:"),),
        (
            f"{KILL}[Register]",
            f"{LIMITS}test_a_full_spool_is_told_to_the_caller",
            f"{LIMITS}test_a_disk_with_no_byte_free",
        ),
    ),
    Guard(
        "a spool that was half made is completed",
        (
            Edit(
                "busy_callback/store/spool.py",
                '            for folder in ("", *_FOLDERS):\n',
                '            for folder in () if os.path.isdir(self.directory) else ("", *_FOLDERS):\n',
            ),
        ),
        (f"{KILL}[RegisterFirst]",),
    ),
    Guard(
        "an error of the operating system becomes a sentence",
        (
            Edit(
                "busy_callback/poller.py",
                '        except OSError as error:\n            raise SpoolError(f"the recalls under',
                '        except ZeroDivisionError as error:\n            raise SpoolError(f"the recalls under',
            ),
        ),
        (f"{KILL}[Poll]",),
    ),
    Guard(
        "a file's content is flushed",
        (
            Edit(
                "busy_callback/store/durable.py",
                "os.fsync(descriptor)\n        finally:\n            os.close(descriptor)\n        os.rename",
                "pass\n        finally:\n            os.close(descriptor)\n        os.rename",
            ),
        ),
        (f"{POWER}[registering]", f"{POWER}[ending]", f"{POWER}[recalling]"),
    ),
    Guard(
        "a file's name is flushed",
        (Edit("busy_callback/store/durable.py", "    flush_directory(os.path.dirname(final))\n"),),
        (f"{POWER}[registering]", f"{POWER}[ending]", f"{POWER}[recalling]"),
    ),
    Guard(
        "the spool's own name is flushed",
        (Edit("busy_callback/store/spool.py", "                flush_directory(os.path.dirname(self.directory))\n"),),
        (f"{POWER}[registering]",),
    ),
    Guard(
        "one at a time changes the spool",
        (
            Edit(
                "busy_callback/store/durable.py",
                "                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
                "                pass\n",
            ),
        ),
        (CROWD,),
    ),
    Guard(
        "one at a time polls",
        (
            Edit(
                "busy_callback/store/handover.py",
                "                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
                "                pass\n",
            ),
        ),
        (CROWD,),
    ),
    Guard(
        "a lock goes with its holder",
        (
            Edit(
                "busy_callback/store/durable.py",
                "self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)",
                "self._descriptor = os.open(f'{self._path}.held', os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)",
            ),
            Edit(
                "busy_callback/store/durable.py",
                "os.close(self._descriptor)\n        except OSError:\n            pass  # it is closed",
                "os.unlink(f'{self._path}.held')\n        except OSError:\n            pass  # it is closed",
            ),
        ),
        (CROWD,),
    ),
    Guard(
        "requests have a limit in all",
        (Edit("busy_callback/store/spool.py", "len(names) >= settings.queue_in_all", "False"),),
        (
            f"{LIMITS}test_a_full_spool_is_told_to_the_caller",
            f"{LIMITS}test_who_waits_already_is_not_told_that_it_is_full",
        ),
    ),
    Guard(
        "a sweep clears away what crashes left",
        (
            Edit(
                "busy_callback/store/sweep.py",
                '        _remove(spool, "tmp", os.listdir(spool.path("tmp", "")))',
                "        pass",
            ),
        ),
        (
            f"{LIMITS}test_stale_files_by_the_hundred_thousand",
            f"{SPOOL_FILES}test_in_tmp_it_is_removed_or_set_aside",
        ),
    ),
    Guard(
        "an error while the spool is made is told as one",
        (
            Edit(
                "busy_callback/agi.py",
                "        status, complaint = ERROR, str(error)\n    except Exception as error:",
                "        return 1\n    except ZeroDivisionError as error:",
            ),
        ),
        (
            f"{LIMITS}test_a_disk_with_no_byte_free",
            f"{LIMITS}test_a_disk_with_no_byte_free_before_the_first_request",
            f"{KILL}[Register]",
        ),
    ),
)
