"""Guards against hostile callers, and against hostile input of every kind."""

from __future__ import annotations

from .guard import Edit, Guard

OUTSIDERS = "tests/acceptance/test_attack_outsiders.py::"
DIALLED = "tests/acceptance/test_attack_dialled_values.py::"
SPOOFED = "tests/unit/test_attack_spoofed_caller.py::"
NAMES = "tests/unit/test_attack_endpoint_names.py::"
AGI = "tests/unit/test_attack_agi_injection.py::"
CALL_FILE = "tests/unit/pbx/test_attack_callfile_injection.py::"
FRAMES = "tests/unit/pbx/test_attack_ami_frames.py::"
FUZZ = "tests/reliability/test_fuzz.py::"

GUARDS = (
    Guard(
        "who was transferred to a code has not dialled it",
        (
            Edit(
                "dialplan/extensions_busy_callback.conf",
                " & ${LEN(${BLINDTRANSFER}${ATTENDEDTRANSFER})} = 0]?known)",
                "]?known)",
            ),
        ),
        ("tests/acceptance/test_attack_transfers.py::test_who_is_transferred_to_a_code_has_not_dialled_it",),
    ),
    Guard(
        "who hid in the call hides in the request by a code",
        (Edit("busy_callback/agi.py", "    if presentation == rq.RESTRICTED:\n", "    if False:\n"),),
        ("tests/acceptance/test_recall_reach.py::test_a_hidden_number_stays_hidden_by_the_code",),
    ),
    Guard(
        "a guest's channel is nobody's phone, whatever it is called",
        (
            Edit(
                "busy_callback/channel.py",
                'return technology == "SIP" and self.ask("CHANNEL(peername)")[0] != name',
                "return False",
            ),
        ),
        (
            f"{SPOOFED}test_a_guest_whose_channel_bears_an_extensions_name",
            "tests/acceptance/test_attack_guests.py::test_a_guest_who_claims_to_come_from_an_extension",
        ),
    ),
    Guard(
        "only an extension's own phone asks for it",
        (
            Edit(
                "busy_callback/agi.py",
                "    own = _check_phone(channel, caller, callee, settings)\n",
                "    own = True\n",
            ),
        ),
        (
            f"{OUTSIDERS}test_nobody_outside_has_extensions_rung",
            f"{SPOOFED}test_no_other_channel_asks_for_it",
            f"{SPOOFED}test_a_set_dial_string_is_the_own_phone",
            f"{SPOOFED}test_freepbx_knows_the_phones_of_an_extension",
            f"{SPOOFED}test_freepbx_devices_and_users",
        ),
    ),
    Guard(
        "only an extension's own phone cancels",
        (Edit("busy_callback/agi.py", "    _check_phone(Channel(agi), numbers[0], numbers[-1], settings)\n"),),
        (f"{OUTSIDERS}test_nobody_outside_cancels", f"{SPOOFED}test_nor_does_it_cancel"),
    ),
    Guard(
        "what is no phone is not free",
        (Edit("busy_callback/policy.py", "FREE_STATES = (UNKNOWN, NOT_INUSE)", "FREE_STATES = (UNKNOWN, 1, INVALID)"),),
        (f"{OUTSIDERS}test_no_recall_leads_out_of_the_house",),
    ),
    Guard(
        "an extension's own phone is known by its channel",
        (Edit("busy_callback/channel.py", '["PJSIP/{ext}", "SIP/{ext}"] if way == "auto"', '[] if way == "auto"'),),
        (f"{SPOOFED}test_an_extension_asks_from_its_own_phone",),
    ),
    Guard(
        "so is our own recall's",
        (Edit("busy_callback/agi.py", ' or channel.device == f"Local/rd{caller}{callee}@{RECALL_CONTEXT}"'),),
        (f"{SPOOFED}test_a_recalled_caller_may_ask_again",),
    ),
    Guard(
        "a caller ID is no proof of who calls",
        (Edit("busy_callback/channel.py", 'if not number and settings.callers == "any" and', "if not number and"),),
        (
            f"{SPOOFED}test_nothing_is_offered_to_a_claimed_caller_id",
            f"{OUTSIDERS}test_nobody_outside_is_offered_anything",
            f"{OUTSIDERS}test_nobody_outside_leaves_a_last_number",
        ),
    ),
    Guard(
        "a variable is believed as the endpoint's configuration has it",
        (
            Edit(
                "busy_callback/channel.py",
                '        if not self.ask("BUSY_CALLBACK_FROM")[0]:\n            return ""\n',
                '        return self.ask("BUSY_CALLBACK_FROM")[0]\n',
            ),
        ),
        (f"{SPOOFED}test_a_variable_that_a_dialplan_filled_is_no_proof",),
    ),
    Guard(
        "only a plain device's name is asked for over AGI",
        (Edit("busy_callback/channel.py", 'device if is_device(device) else ""', "device"),),
        (f"{NAMES}test_a_name_is_not_asked_for_as_it_stands",),
    ),
    Guard(
        "a context is one",
        (Edit("busy_callback/channel.py", 'return found if is_context(found) else ""', "return found"),),
        (f"{NAMES}test_a_context_that_is_none_is_left_out",),
    ),
    Guard(
        "every extension that there may be is one of the offer's",
        (Edit("dialplan/extensions_busy_callback.conf", "exten => _-!,1,", "exten => _X.,1,"),),
        (f"{DIALLED}test_no_value_ends_a_call",),
    ),
    Guard(
        "callers = any is obeyed",
        (Edit("busy_callback/agi.py", 'settings.callers == "any" or '),),
        (f"{SPOOFED}test_callers_any_leaves_it_to_the_dialplan",),
    ),
    Guard(
        "hostile text is made harmless for the log",
        (Edit("busy_callback/numbering.py", "    safe = ", "    return text\n    safe = "),),
        (f"{AGI}test_an_argument_adds_no_command", f"{FUZZ}test_agi"),
    ),
    Guard(
        "a language is one",
        (Edit("busy_callback/agi.py", '    language = language if rq.is_language(language) else ""\n'),),
        (f"{AGI}test_the_agi_environment_adds_nothing",),
    ),
    Guard(
        "only an answer is taken for one",
        (Edit("busy_callback/conversation.py", "            if line[:3].isdigit():\n", "            if True:\n"),),
        (f"{AGI}test_a_line_feed_in_an_argument_does_not_shift_the_answers",),
    ),
    Guard(
        "the end of the conversation ends the script",
        (
            Edit(
                "busy_callback/conversation.py",
                '                raise OSError("Asterisk has closed the conversation")',
                "                return line",
            ),
        ),
        (f"{AGI}test_an_answer_of_several_lines_and_then_silence_ends_the_script",),
    ),
    Guard(
        "no value leaves its line of a call file",
        (
            Edit("busy_callback/pbx/callfile.py", '    if not value.isascii() or ";" in value:\n', "    if False:\n"),
            Edit(
                "busy_callback/pbx/callfile.py",
                "    if not value.isprintable() or",
                "    return value\n    if not value.isprintable() or",
            ),
        ),
        (
            f"{CALL_FILE}test_no_value_can_leave_its_line",
            f"{CALL_FILE}test_no_field_of_a_call_file_takes_a_hostile_value",
        ),
    ),
    Guard(
        "no line of a call file is too long",
        (Edit("busy_callback/pbx/callfile.py", "if any(len(line) > MAX_LINE for line in encoded):", "if False:"),),
        (f"{CALL_FILE}test_a_line_that_asterisk_would_skip_is_refused",),
    ),
    Guard(
        "lines that pyst2 stumbles over are kept from it",
        (Edit("busy_callback/pbx/ami_session.py", "_TRAPS = (", "_TRAPS = () and ("),),
        (f"{FRAMES}test_a_hostile_event_does_not_deafen_the_poller",),
    ),
    Guard(
        "an answer is to our action",
        (Edit("busy_callback/pbx/ami.py", 'if answer.headers.get("ActionID") != action["ActionID"]:', "if False:"),),
        (f"{FRAMES}test_an_answer_to_somebody_else_is_not_ours",),
    ),
    Guard(
        "only a device's name is asked for",
        (Edit("busy_callback/pbx/ami.py", "    if not _DEVICE.fullmatch(device):\n", "    if False:\n"),),
        (f"{FRAMES}test_no_device_adds_a_header",),
    ),
    Guard(
        "no value adds a header to an action",
        (
            Edit(
                "busy_callback/pbx/ami.py",
                "if not value.isascii() or not value.isprintable() or len(value) > 900:",
                "if False:",
            ),
        ),
        (f"{FRAMES}test_no_value_adds_a_header",),
    ),
    Guard(
        "a connection's end is its threads' end",
        (Edit("busy_callback/pbx/ami_session.py", "        if self._sock is not None:\n", "        if False:\n"),),
        (f"{FRAMES}test_a_connection_leaves_no_thread_behind",),
    ),
    Guard(
        "silence has a deadline",
        (Edit("busy_callback/deadline.py", "signal.setitimer(signal.ITIMER_REAL, self._seconds)", "pass"),),
        (f"{FRAMES}test_silence_has_a_deadline",),
        hangs=True,
    ),
    Guard(
        "a refused connection is our error",
        (
            Edit(
                "busy_callback/pbx/ami_session.py",
                'OSError, ValueError) as error:\n        raise AsteriskError(f"{broken',
                'ValueError) as error:\n        raise AsteriskError(f"{broken',
            ),
        ),
        (f"{FRAMES}test_nobody_there_is_said_at_once",),
    ),
    Guard(
        "an answer that another poller overtook is asked for again",
        (
            Edit(
                "busy_callback/pbx/ami.py", "            if not found:\n                break\n", "            break\n"
            ),
        ),
        (f"{FRAMES}test_another_pollers_answer_is_not_taken_for_ours",),
    ),
    Guard(
        "a missing probe is told once",
        (Edit("busy_callback/pbx/ami.py", "        if not self._probe_missing:\n", "        if True:\n"),),
        (f"{FRAMES}test_where_the_probe_cannot_run_the_state_counts",),
    ),
    Guard(
        "only a request's whole file is one",
        (Edit("busy_callback/request.py", '    if lines[-2:] != [END_MARK, ""]:\n', "    if False:\n"),),
        (f"{FUZZ}test_no_part_of_a_request_is_taken_for_the_whole",),
    ),
    Guard(
        "a request's language is one",
        (
            Edit(
                "busy_callback/request.py",
                'if fields["language"] and not is_language(str(fields["language"])):',
                "if False:",
            ),
        ),
        (f"{FUZZ}test_spool_files",),
    ),
    Guard(
        "the setting language is one",
        (Edit("busy_callback/setting_values.py", "    if not is_language(text):\n", "    if False:\n"),),
        ("tests/unit/test_attack_prompt_paths.py::test_a_language_that_is_none_is_refused",),
    ),
    Guard(
        "a request's numbers have bounds",
        (Edit("busy_callback/request.py", "    if not 0 <= value < _MAX_TIME:\n", "    if False:\n"),),
        (f"{FUZZ}test_a_request_that_is_not_ours_is_refused",),
    ),
    Guard(
        "a settings file that is no text is a mistake",
        (
            Edit(
                "busy_callback/settings.py",
                "except (OSError, UnicodeDecodeError) as error:",
                "except OSError as error:",
            ),
        ),
        (f"{FUZZ}test_settings",),
    ),
    Guard(
        "an asterisk.conf may be of any encoding",
        (
            Edit(
                "busy_callback/settings.py",
                '_read(named or ASTERISK_CONF, "replace")',
                "_read(named or ASTERISK_CONF)",
            ),
        ),
        (f"{FUZZ}test_asterisk_conf",),
    ),
    Guard(
        "a number in a report is one",
        (
            Edit(
                "busy_callback/pbx/callfile.py",
                "return int(text) if text.isascii()",
                "return int(text) if True or text.isascii()",
            ),
        ),
        (f"{FUZZ}test_reports",),
    ),
    Guard(
        "only an id is taken for a request's name",
        (Edit("busy_callback/store/spool.py", " and rq.is_id(n)]", "]"),),
        (f"{FUZZ}test_names_in_the_spool",),
    ),
    Guard(
        "an event may be of any encoding",
        (Edit("busy_callback/pbx/ami_session.py", 'line.decode("utf-8", "replace")', 'line.decode("utf-8")'),),
        (f"{FUZZ}test_ami_frames",),
    ),
)
