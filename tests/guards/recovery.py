"""Guards against double calls, and those of a service that bears Asterisk's faults and the clock's."""

from __future__ import annotations

from .guard import Edit, Guard

FAULTS = "tests/acceptance/test_faults.py::"
ONCE = "tests/acceptance/test_served_once.py::"
CLOCK = "tests/unit/test_clock.py::"
EXPOSURE = "tests/unit/pbx/test_attack_exposure.py::"

GUARDS = (
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
                '"${FILE(${BUSY_CALLBACK_REPORT},0,${LEN(claimed ${UNIQUEID} ${CHANNEL})})}" =',
                '"" =',
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
        (Edit("busy_callback/runs.py", "RECONNECT_PAUSE = 0.25", "RECONNECT_PAUSE = 3.0"),),
        ("tests/unit/test_attack_flood.py::test_a_watch_tries_a_few_times_a_second",),
    ),
    Guard(
        "a complaint is logged once",
        (
            Edit(
                "busy_callback/store/logged_faults.py",
                "        if known == subject:\n            return\n        if known is None:\n"
                "            if len(self._known) >= _MOST:\n                return\n",
                "        if True:\n",
            ),
        ),
        (
            f"{FAULTS}test_the_manager_is_away_stalls_or_is_cut",
            f"{FAULTS}test_a_wrong_secret_is_told_once_and_not_shown",
            f"{FAULTS}test_outgoing_is_missing",
            f"{FAULTS}test_outgoing_is_on_another_file_system",
            f"{EXPOSURE}test_it_is_told_once_and_when_it_is_over",
            f"{EXPOSURE}test_a_trouble_that_changes_at_each_try_is_not_logged_for_ever",
            f"{EXPOSURE}test_a_trouble_that_cannot_be_noted_down_is_logged_all_the_same",
        ),
    ),
    Guard(
        "the secret is in no complaint",
        (
            Edit(
                "busy_callback/pbx/ami.py",
                'refuses user {self._settings.user!r}: "',
                'refuses user {self._settings.user!r}: {self._settings.secret}"',
            ),
        ),
        (
            f"{FAULTS}test_a_wrong_secret_is_told_once_and_not_shown",
            "tests/unit/pbx/test_attack_ami_frames.py::test_a_refused_login_says_so_and_not_the_secret",
        ),
    ),
    Guard(
        "the end of a connection is noticed",
        (Edit("busy_callback/runs.py", 'raise AsteriskError("the connection to Asterisk ended")', "continue"),),
        (f"{FAULTS}test_asterisk_restarted_while_a_watch_waits",),
    ),
    Guard(
        "a storm of events costs one look",
        (Edit("busy_callback/runs.py", "news, left = True, inbox.qsize() + 1", "news, left = True, 1"),),
        ("tests/unit/test_attack_flood.py::test_a_storm_of_events_costs_one_look",),
    ),
    Guard(
        "a recall that nobody has claimed yet is waited for",
        (
            Edit(
                "busy_callback/settlement.py",
                "        if not over:\n            return None\n        why",
                "        why",
            ),
        ),
        (f"{FAULTS}test_pbx_spool_is_not_loaded",),
    ),
    Guard(
        "a recall that can't be handed over was none",
        (
            Edit(
                "busy_callback/poller.py",
                "callfile.check_place(os.path.dirname(temporary), self.directories.outgoing)  # before",
                "pass  # before",
            ),
            Edit("busy_callback/poller.py", "not handed_over and not self.spool.replace(recalling, request)", "False"),
        ),
        (f"{FAULTS}test_outgoing_is_missing",),
    ),
    Guard(
        "a clock that was never set is one",
        (
            Edit(
                "busy_callback/policy.py",
                "if min(request.requested, request.expires) < CLOCK_IS_SET <= now:",
                "if False:",
            ),
        ),
        (
            f"{CLOCK}test_a_request_of_1970_outlives_the_setting_of_the_clock",
            f"{CLOCK}test_a_jump_to_the_present_that_nobody_noted",
        ),
    ),
    Guard(
        "a place in the queue does not depend on the clock",
        (Edit("busy_callback/store/spool.py", "int(last, 36) + 1 if last else 0", "0"),),
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
        "whose times are mended keeps its turn",
        (
            Edit(
                "busy_callback/policy.py",
                "            changes.append((found, request))\n",
                "            changes.append((found, request))\n            continue\n",
            ),
        ),
        (f"{CLOCK}test_who_asks_again_after_a_step_back_passes_nobody",),
    ),
    Guard(
        "a time in the future says nothing of a callee",
        (Edit("busy_callback/policy.py", "    if since > now:\n", "    if False:\n"),),
        (f"{CLOCK}test_a_callee_that_got_free_in_the_future_is_free",),
    ),
    Guard(
        "what is over ends",
        (Edit("busy_callback/policy.py", "if now >= request.expires:", "if False:"),),
        (f"{CLOCK}test_a_request_ends_when_its_time_is_over",),
    ),
    Guard(
        "requests move with a clock that is set forth",
        (Edit("busy_callback/poller.py", "        if step:\n", "        if False:\n"),),
        (f"{CLOCK}test_a_clock_that_is_set_forth_takes_nothing_from_what_is_left",),
    ),
    Guard(
        "those made since do not",
        (Edit("busy_callback/policy.py", "(last > old_now and request.expires >= now) if", "False if"),),
        (f"{CLOCK}test_who_asks_after_the_step_is_left_alone", f"{CLOCK}test_nor_is_who_asked_again"),
    ),
    Guard(
        "requests move with a clock that is set back",
        (Edit("busy_callback/policy.py", "else (now - NOTICED <= last <= now):", "else True:"),),
        (f"{CLOCK}test_a_clock_that_is_set_back_adds_nothing_to_what_is_left",),
    ),
    Guard(
        "those that may have been made since do not",
        (Edit("busy_callback/policy.py", "else (now - NOTICED <= last <= now):", "else False:"),),
        (f"{CLOCK}test_who_may_have_asked_after_it_was_set_back_keeps_its_time",),
    ),
    Guard(
        "a time of before the boot is not of its clock",
        (Edit("busy_callback/policy.py", " and not (name in past and t > old_now)"),),
        (f"{CLOCK}test_a_boot_in_1970_and_the_jump_to_the_present",),
    ),
    Guard(
        "so does a recall",
        (Edit("busy_callback/policy.py", '"renewed", "started", "answered"', '"renewed", "answered"'),),
        (f"{CLOCK}test_a_step_during_a_recall_moves_it_too",),
    ),
    Guard(
        "a machine that was off has not had its clock set",
        (Edit("busy_callback/clock.py", " if boot == _boot() else None", ""),),
        (f"{CLOCK}test_a_step_of_which_nothing_is_known_is_none",),
    ),
    Guard(
        "a note that can't be written stops nothing",
        (
            Edit(
                "busy_callback/store/durable.py",
                '            write_note(self._path, f"{line}\\n")\n        except OSError:',
                '            write_note(self._path, f"{line}\\n")\n        except ZeroDivisionError:',
            ),
        ),
        (f"{CLOCK}test_a_note_that_cannot_be_written_stops_nothing",),
    ),
    Guard(
        "a conversation is over when Asterisk says so",
        (
            Edit(
                "busy_callback/settlement.py",
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
                "busy_callback/store/spool.py",
                "        expires = now + settings",
                "        expires = time.mktime((*time.localtime(now)[:8], 0)) + settings",
            ),
        ),
        (f"{CLOCK}test_the_time_zone_does_not_matter",),
    ),
    Guard(
        "a trouble is over when what failed has worked",
        (
            Edit(
                "busy_callback/runs.py",
                "            self._faults.over(*self._works)",
                "            self._faults.over()",
            ),
        ),
        (f"{FAULTS}test_outgoing_is_on_another_file_system",),
    ),
    Guard(
        "Asterisk keeps what the disk does not take",
        (
            Edit(
                "dialplan/extensions_busy_callback.conf",
                "Set(GLOBAL(BUSY_CALLBACK_${ARG1}_${CUT(",
                "NoOp((BUSY_CALLBACK_${ARG1}_${CUT(",
            ),
        ),
        (f"{ONCE}test_what_the_disk_does_not_take_is_known_all_the_same",),
    ),
    Guard(
        "a cancel ends the ringing",
        (Edit("busy_callback/poller.py", "device_states.ami.hang_up(outcome.channel)", "pass"),),
        (f"{ONCE}test_a_cancel_ends_the_ringing",),
    ),
    Guard(
        "both ends of a cancelled recall are taken until it no longer rings",
        (Edit("busy_callback/store/spool.py", 'if lines[0].startswith("claimed "):', "if False:"),),
        (f"{ONCE}test_a_cancel_ends_the_ringing",),
    ),
    Guard(
        "who answers a recall that was cancelled is not connected",
        (Edit("dialplan/extensions_busy_callback.conf", "?cancelled)", "?say)"),),
        (f"{ONCE}test_who_answers_a_recall_that_was_cancelled_hears_so",),
    ),
    Guard(
        "what the caller has answered is not cancelled",
        (Edit("busy_callback/store/spool.py", 'if "answered" in lines[: lines.index(CANCELLED)]:', "if False:"),),
        (f"{ONCE}test_a_recall_that_is_answered_is_a_call",),
    ),
)
