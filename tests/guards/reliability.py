"""Guards against loss and double calls, and those of a service that comes back."""

from __future__ import annotations

from .guard import Edit, Guard

KILL = "tests/reliability/test_kill.py::test_killed_at_every_system_call"
POWER = "tests/reliability/test_power.py::test_a_power_cut_after_any_write"
CROWD = "tests/reliability/test_crowd.py::test_everybody_at_once"
LIMITS = "tests/reliability/test_limits.py::"
FAULTS = "tests/acceptance/test_faults.py::"
CLOCK = "tests/unit/test_clock.py::"
SPOOL_FILES = "tests/unit/test_attack_spool_files.py::"
EXPOSURE = "tests/unit/test_attack_exposure.py::"

GUARDS = (
    Guard(
        "a file is written beside its place and renamed",
        (
            Edit(
                "busy_callback/durable.py",
                "    move_durably(data, temporary, final)\n    flush",
                "    move_durably(data, final, final)\n    flush",
            ),
        ),
        (f"{KILL}[RegisterAgain]", f"{POWER}[registering]"),
    ),
    Guard(
        "an end is on disk before its request goes",
        (
            Edit(
                "busy_callback/spool.py",
                '            self._write("ended", new)\n            os.unlink(self.path("requests", old.id))\n',
                '            os.unlink(self.path("requests", old.id))\n            self._write("ended", new)\n',
            ),
        ),
        (f"{KILL}[Cancel]", f"{KILL}[CancelByCaller]", f"{KILL}[Poll]", f"{POWER}[ending]"),
    ),
    Guard(
        "a cancel withdraws the recall that was handed over",
        (Edit("busy_callback/spool.py", 'withdraw(self.path("recalls", f"{request_id}.{request.attempt}"))', "pass"),),
        (f"{KILL}[Cancel]", f"{KILL}[CancelByCaller]"),
    ),
    Guard(
        "whoever can't be served hears it",
        (Edit("busy_callback/agi.py", "if complaint and registering:", "if False:"),),
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
                "busy_callback/spool.py",
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
                '        except OSError as error:\n            raise SpoolError(f"what',
                '        except ZeroDivisionError as error:\n            raise SpoolError(f"what',
            ),
        ),
        (f"{KILL}[Poll]",),
    ),
    Guard(
        "a file's content is flushed",
        (
            Edit(
                "busy_callback/durable.py",
                "os.fsync(descriptor)\n        finally:\n            os.close(descriptor)\n        os.rename",
                "pass\n        finally:\n            os.close(descriptor)\n        os.rename",
            ),
        ),
        (f"{POWER}[registering]", f"{POWER}[ending]", f"{POWER}[recalling]"),
    ),
    Guard(
        "a file's name is flushed",
        (Edit("busy_callback/durable.py", "    flush_directory(os.path.dirname(final))\n"),),
        (f"{POWER}[registering]", f"{POWER}[ending]", f"{POWER}[recalling]"),
    ),
    Guard(
        "the spool's own name is flushed",
        (Edit("busy_callback/spool.py", "                flush_directory(os.path.dirname(self.directory))\n"),),
        (f"{POWER}[registering]",),
    ),
    Guard(
        "one at a time changes the spool",
        (
            Edit(
                "busy_callback/durable.py",
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
                "busy_callback/turn.py",
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
                "busy_callback/durable.py",
                "self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)",
                "self._descriptor = os.open(f'{self._path}.held', os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)",
            ),
            Edit(
                "busy_callback/durable.py",
                "os.close(self._descriptor)\n        except OSError:\n            pass  # it is closed",
                "os.unlink(f'{self._path}.held')\n        except OSError:\n            pass  # it is closed",
            ),
        ),
        (CROWD,),
    ),
    Guard(
        "requests have a limit in all",
        (Edit("busy_callback/spool.py", "len(names) >= settings.queue_in_all", "False"),),
        (
            f"{LIMITS}test_a_full_spool_is_told_to_the_caller",
            f"{LIMITS}test_who_waits_already_is_not_told_that_it_is_full",
        ),
    ),
    Guard(
        "a sweep clears away what crashes left",
        (
            Edit(
                "busy_callback/spool.py",
                '            self._remove("tmp", os.listdir(f"{self.directory}/tmp"))',
                "            pass",
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
    Guard(
        "a call file is for one start of Asterisk and for the first who claims it",
        (
            Edit(
                "dialplan/extensions_busy_callback.conf",
                '"${STAT(M,${BUSY_CALLBACK_CONTROL})}" = "${BUSY_CALLBACK_STARTED}"',
                "1",
            ),
            Edit(
                "dialplan/extensions_busy_callback.conf",
                '"${FILE(${BUSY_CALLBACK_REPORT},0,${LEN(${CLAIM})})}" = "${CLAIM}"',
                "1",
            ),
        ),
        (f"{FAULTS}test_a_second_run_of_a_call_file",),
    ),
    Guard(
        "a restart of Asterisk is noticed",
        (
            Edit(
                "busy_callback/poller.py",
                "restarted = self._asterisk_start() != request.asterisk_start",
                "restarted = False",
            ),
        ),
        (f"{FAULTS}test_killed_in_the_middle_of_a_recall",),
    ),
    Guard(
        "a watch tries again at once",
        (Edit("busy_callback/poller.py", "RECONNECT_PAUSE = 0.25", "RECONNECT_PAUSE = 3.0"),),
        (f"{FAULTS}test_the_manager_is_away_stalls_or_is_cut",),
    ),
    Guard(
        "a complaint is logged once",
        (Edit("busy_callback/trouble.py", "if line in self._known or len(self._known) >= _MOST:", "if False:"),),
        (
            f"{FAULTS}test_the_manager_is_away_stalls_or_is_cut",
            f"{FAULTS}test_a_wrong_secret_is_told_once_and_not_shown",
            f"{FAULTS}test_outgoing_is_missing",
            f"{EXPOSURE}test_it_is_told_once_and_when_it_is_over",
            f"{EXPOSURE}test_a_trouble_that_changes_at_each_try_is_not_logged_for_ever",
            f"{EXPOSURE}test_a_trouble_that_cannot_be_noted_down_is_logged_all_the_same",
        ),
    ),
    Guard(
        "the secret is in no complaint",
        (
            Edit(
                "busy_callback/ami.py",
                'refuses user {self._settings.user!r}: "',
                'refuses user {self._settings.user!r}: {self._settings.secret}"',
            ),
        ),
        (
            f"{FAULTS}test_a_wrong_secret_is_told_once_and_not_shown",
            "tests/unit/test_attack_ami_frames.py::test_a_refused_login_says_so_and_not_the_secret",
        ),
    ),
    Guard(
        "the end of a connection is noticed",
        (Edit("busy_callback/poller.py", 'raise AsteriskError("the connection to Asterisk ended")', "continue"),),
        (f"{FAULTS}test_asterisk_restarted_while_a_watch_waits",),
    ),
    Guard(
        "a storm of events costs one look",
        (
            Edit("busy_callback/poller.py", "news, left = True, inbox.qsize() + 1", "news, left = True, 1"),
            Edit("busy_callback/poller.py", "dict.fromkeys(view.news)", "[*view.news]"),
        ),
        (f"{FAULTS}test_a_flood_of_events",),
    ),
    Guard(
        "a recall that nobody has claimed yet is waited for",
        (Edit("busy_callback/policy.py", "        if not over:\n            return None\n        why", "        why"),),
        (f"{FAULTS}test_pbx_spool_is_not_loaded",),
    ),
    Guard(
        "a recall that can't be handed over was none",
        (
            Edit("busy_callback/poller.py", "            flush_directory(outgoing)  # before", "            # before"),
            Edit("busy_callback/poller.py", "                    self.spool.replace_locked(recalling, request)\n"),
        ),
        (f"{FAULTS}test_outgoing_is_missing",),
    ),
    Guard(
        "a clock that was never set is one",
        (Edit("busy_callback/policy.py", "if request.requested < CLOCK_IS_SET <= now:", "if False:"),),
        (f"{CLOCK}test_a_request_of_1970_outlives_the_setting_of_the_clock",),
    ),
    Guard(
        "a place in the queue does not depend on the clock",
        (Edit("busy_callback/spool.py", "int(last, 36) + 1 if last else 0", "0"),),
        (f"{CLOCK}test_and_keeps_its_place",),
    ),
    Guard(
        "a clock that was set back shortens what is left",
        (
            Edit(
                "busy_callback/policy.py",
                "if request.expires > now + left + 1 or request.not_before > now + settings.retry_pause + 1:",
                "if False:",
            ),
        ),
        (
            f"{CLOCK}test_a_clock_that_is_set_back_lets_nobody_wait_for_ever",
            f"{CLOCK}test_no_history_of_steps_breaks_anything",
        ),
    ),
    Guard(
        "a time in the future says nothing of a callee",
        (Edit("busy_callback/policy.py", "    if since > now:\n", "    if False:\n"),),
        (f"{CLOCK}test_a_callee_that_got_free_in_the_future_is_free",),
    ),
    Guard(
        "what is over ends",
        (Edit("busy_callback/policy.py", "if now >= request.expires:", "if False:"),),
        (f"{CLOCK}test_a_clock_that_is_set_forth_ends_what_is_over",),
    ),
    Guard(
        "a conversation is over when Asterisk says so",
        (
            Edit(
                "busy_callback/policy.py",
                "over = restarted or (not file_waits and is_overdue(request, now, settings))",
                "over = restarted or is_overdue(request, now, settings)",
            ),
        ),
        (f"{CLOCK}test_a_step_during_a_recall_ends_no_conversation",),
    ),
    Guard(
        "times are of no zone",
        (
            Edit(
                "busy_callback/spool.py",
                "        expires = now + settings",
                "        expires = time.mktime((*time.localtime(now)[:8], 0)) + settings",
            ),
        ),
        (f"{CLOCK}test_the_time_zone_does_not_matter",),
    ),
)
