"""Guards against other users of the machine and of the network."""

from __future__ import annotations

from .guard import Edit, Guard

SPOOL_FILES = "tests/unit/store/test_attack_spool_files.py::"
PUBLICATIONS = "tests/acceptance/test_attack_publications.py::"
SOCKETS = "tests/acceptance/test_attack_sockets.py::"
MARKUP = "tests/unit/report/test_attack_report_markup.py::"
TRIAL = "tests/unit/test_attack_trial.py::"
EXPOSURE = "tests/unit/pbx/test_attack_exposure.py::"

GUARDS = (
    Guard(
        "to a stranger on the manager's port nothing is told",
        (Edit("busy_callback/pbx/ami_session.py", "        if user is not None:\n", "        if False:\n"),),
        (
            "tests/unit/pbx/test_attack_port.py::test_a_stranger_on_the_managers_port_is_told_nothing",
            "tests/unit/pbx/test_attack_port.py::test_a_stranger_who_speaks_tls_is_told_nothing_either",
        ),
    ),
    Guard(
        "a certificate of another machine is looked at",
        (Edit("busy_callback/pbx/tls.py", "        if within_machine(connection):\n", "        if True:\n"),),
        ("tests/unit/pbx/test_attack_port.py::test_a_manager_of_another_machine_must_have_a_certificate_that_is_good",),
    ),
    Guard(
        "each of a host's addresses is tried",
        (
            Edit(
                "busy_callback/pbx/ami_session.py",
                "            if place == places[-1] or not",
                "            if True or not",
            ),
        ),
        ("tests/unit/pbx/test_attack_port.py::test_a_stranger_at_another_of_the_hosts_addresses",),
    ),
    Guard(
        "the trial waits for no file",
        (
            Edit(
                "busy_callback/setup/trial.py",
                'read_file(str(path)).decode("utf-8", "replace")',
                'path.read_text("utf-8", "replace")',
            ),
        ),
        (f"{TRIAL}test_a_fifo_in_place_of_what_the_trial_reads",),
        hangs=True,
    ),
    Guard(
        "nothing that a stranger says is believed",
        (
            Edit(
                "busy_callback/pbx/ami_session.py",
                "            if not self.trusted and not message[0].startswith(_GREETING):\n",
                "            if False:\n",
            ),
        ),
        ("tests/unit/pbx/test_attack_port.py::test_no_event_of_a_strangers_is_heard",),
    ),
    Guard(
        "our own user and root are none",
        (
            Edit(
                "busy_callback/pbx/other_end.py",
                "None if int(row[7]) in (0, os.geteuid()) else int(row[7])",
                "int(row[7])",
            ),
        ),
        ("tests/unit/pbx/test_attack_port.py::test_an_asterisk_of_our_own_user_is_none",),
    ),
    Guard(
        "only a regular file of ours is read",
        (
            Edit("busy_callback/store/durable.py", "        _check(os.fstat(descriptor), path)\n"),
            Edit(
                "busy_callback/store/durable.py",
                "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
                "os.O_RDONLY | os.O_NONBLOCK",
            ),
        ),
        (
            f"{SPOOL_FILES}test_in_place_of_a_request_it_is_set_aside",
            f"{SPOOL_FILES}test_in_place_of_a_report_it_counts_as_a_claim",
            f"{SPOOL_FILES}test_a_file_of_root_or_of_the_spools_owner_is_ours",
        ),
    ),
    Guard(
        "nothing is written through a link",
        (
            Edit(
                "busy_callback/store/durable.py",
                "flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW",
                "flags = os.O_WRONLY | os.O_CREAT",
            ),
        ),
        (f"{SPOOL_FILES}test_in_place_of_a_file_that_we_write_it_is_not_written_through",),
    ),
    Guard(
        "a lock is no link",
        (
            Edit(
                "busy_callback/store/durable.py",
                "os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW",
                "os.open(self._path, os.O_RDWR | os.O_CREAT",
            ),
            Edit("busy_callback/store/handover.py", "os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW", "os.O_RDWR | os.O_CREAT"),
        ),
        (f"{SPOOL_FILES}test_in_place_of_a_lock_it_is_an_error",),
    ),
    Guard(
        "a past day that is no file of ours is passed over",
        (
            Edit(
                "busy_callback/store/past_days.py",
                "        except CorruptRequestError:\n            yield None\n",
                "        except ZeroDivisionError:\n            yield None\n",
            ),
        ),
        (f"{SPOOL_FILES}test_in_place_of_a_past_day_it_is_passed_over_and_set_aside",),
    ),
    Guard(
        "what may be readable the next time is no corrupt file",
        (
            Edit(
                "busy_callback/store/durable.py",
                "        _check(os.lstat(path), path)\n        raise\n",
                '        raise CorruptRequestError("it is not readable") from None\n',
            ),
        ),
        (f"{SPOOL_FILES}test_what_may_be_readable_the_next_time_is_not_set_aside",),
    ),
    Guard(
        "an end is kept until its request's removal is certain",
        (Edit("busy_callback/store/sweep.py", "set(ended).difference(both)", "ended"),),
        (f"{SPOOL_FILES}test_what_ended_and_was_not_cleaned_stays_ended_for_another_sweep",),
    ),
    Guard(
        "an end that can't be looked for is not absent",
        (
            Edit(
                "busy_callback/store/durable.py",
                "    except FileNotFoundError:\n        return False\n",
                "    except OSError:\n        return False\n",
            ),
        ),
        (f"{SPOOL_FILES}test_an_end_that_cannot_be_looked_for_is_not_taken_for_absent",),
    ),
    Guard(
        "only what is open to others is told",
        (Edit("busy_callback/pbx/manager_exposure.py", "if not address.is_loopback)", ")"),),
        (f"{EXPOSURE}test_one_that_does_not_is_not",),
    ),
    Guard(
        "a manager that strangers reach is told",
        (Edit("busy_callback/pbx/manager_exposure.py", "    if not open_to:\n", "    if True:\n"),),
        (f"{EXPOSURE}test_a_manager_that_listens_beyond_this_machine_is_told",),
    ),
    Guard(
        "a secret that others read is told",
        (Edit("busy_callback/pbx/manager_exposure.py", "if os.stat(path).st_mode & stat.S_IROTH", "if False"),),
        (f"{EXPOSURE}test_a_secret_that_everybody_can_read_is_told",),
    ),
    Guard(
        "our files are for Asterisk's user and group",
        (Edit("busy_callback/store/durable.py", "FILE_MODE = 0o640", "FILE_MODE = 0o644"),),
        (f"{EXPOSURE}test_no_file_of_ours_is_for_everybody",),
    ),
    Guard(
        "the trial's request is in a spool of its own",
        (Edit("busy_callback/agi.py", "        if is_trial(", "        if not is_trial("),),
        (f"{TRIAL}test_the_trials_request_is_in_its_own_spool", f"{TRIAL}test_no_other_channel_is_the_trials"),
    ),
    Guard(
        "a watch that can't serve leaves the turn to one that does",
        (
            Edit(
                "busy_callback/runs.py",
                "if lock.leave():",
                "if lock.take():",
            ),
        ),
        (f"{SOCKETS}test_a_watch_that_cannot_log_in_leaves_the_turn_to_one_that_is",),
    ),
    Guard(
        "a watch after which none could serve goes on",
        (Edit("busy_callback/store/handover.py", 'why = why_no_other() if serves else ""', 'why = ""'),),
        (f"{SOCKETS}test_a_watch_after_which_none_could_serve_goes_on",),
    ),
    Guard(
        "a watch that has nobody to leave the turn to complains",
        (Edit("busy_callback/runs.py", "self._faults.note(str(error), error.subject)  # nobody", "pass  # nobody"),),
        (f"{SOCKETS}test_a_watch_that_has_nobody_to_leave_the_turn_to_complains",),
    ),
    Guard(
        "the page's texts are escaped",
        (Edit("busy_callback/report/page.py", "autoescape=True", "autoescape=False"),),
        (f"{MARKUP}test_a_reason_with_markup_is_shown_as_text", f"{MARKUP}test_a_callee_with_markup_is_shown_as_text"),
    ),
    Guard(
        "the pictures' texts are escaped",
        (
            Edit(
                "busy_callback/report/pictures.py",
                "escape(self._tokens.get(token[0], token[0]))",
                "self._tokens.get(token[0], token[0])",
            ),
        ),
        (f"{MARKUP}test_a_reason_with_markup_is_shown_as_text", f"{MARKUP}test_a_callee_with_markup_is_shown_as_text"),
    ),
    Guard(
        "only the endpoint of a branch's trunk publishes in its name",
        (Edit("busy_callback/setup/publication.py", '            f"endpoint = {self.endpoint}",\n'),),
        (f"{PUBLICATIONS}test_only_the_branch_itself_tells_its_states",),
    ),
    Guard(
        "a branch tells the states of its own devices only",
        (Edit("busy_callback/setup/publication.py", '            f"device_state_filter = {self.takes}",\n'),),
        (f"{PUBLICATIONS}test_what_a_branch_claims_of_others_changes_nothing",),
    ),
)
