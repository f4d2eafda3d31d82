"""Guards of what FreePBX and its kin have that the tutorial's recipe did not know: each was a fault once."""

from __future__ import annotations

from .guard import Edit, Guard

PHONES = "tests/acceptance/test_freepbx.py::"
PLAIN = "tests/unit/setup/test_freepbx.py::"
INSTALL = "tests/unit/setup/test_install.py::"
DOCTOR = "tests/unit/setup/test_freepbx_doctor.py::"
DIALPLAN = "dialplan/extensions_busy_callback.conf"
FREEPBX = "busy_callback/setup/freepbx.py"
CHANNEL = "busy_callback/channel.py"
BY_USER = 'if user in settings.extensions and self.device in dial.split("&"):'
BY_NUMBER = "dict.fromkeys((name, of_call, self.caller_id))"

GUARDS = (
    Guard(
        "follow-me's NODEST is no reason against an offer",
        (
            Edit(
                DIALPLAN,
                '$["${BUSY_CALLBACK_OFFERED}" = "${ARG1}"]?done',
                '$["${BUSY_CALLBACK_OFFERED}" = "${ARG1}" | "${NODEST}" != ""]?done',
            ),
        ),
        (f"{PHONES}test_with_follow_me",),
    ),
    Guard(
        "follow-me that does not try the extension first is offered before its list rings",
        (Edit(FREEPBX, '        Takeover("macro-dial", "s", "Gosub(busy-callback-follow-me,s,1(${FMGRP},busy))"),\n'),),
        (f"{PHONES}test_with_follow_me",),
    ),
    Guard(
        "a first step that is no line for the log is repeated",
        (Edit(FREEPBX, 'if own.application.lower() == "noop":', "if True:"),),
        (f"{PHONES}test_back_to_the_ivr", f"{PLAIN}test_the_first_step_alone_is_repeated"),
    ),
    Guard(
        "who gives up where it rings for ever is remembered",
        (Edit(FREEPBX, 'given_up = "Gosub(busy-callback-given-up,s,1(${EXTTOCALL}))"', 'given_up = "NoOp()"'),),
        (f"{PHONES}test_who_gives_up_while_it_rings_may_ask_by_the_code",),
    ),
    Guard(
        "where FreePBX 17 dials in a context of its own, too",
        (Edit(FREEPBX, '        Takeover("dialOne-with-exten", "h", given_up),\n'),),
        (f"{PHONES}test_who_gives_up_while_it_rings_may_ask_by_the_code",),
    ),
    Guard(
        "no member of a ring group is remembered",
        (
            Edit(
                DIALPLAN,
                '${IF($["${RingGroupMethod}" = "" | "${RingGroupMethod}" = "none"]?${ARG1}:${FMGRP})}',
                "${ARG1}",
            ),
        ),
        (f"{PHONES}test_a_ring_group_is_offered_nothing",),
    ),
    Guard(
        "FreePBX has copies of prompts, no links",
        (Edit("busy_callback/setup/placed_files.py", "    if survey.freepbx:\n", "    if False:\n"),),
        (f"{INSTALL}test_freepbx_has_copies_of_prompts", f"{INSTALL}test_fwconsole_chown_takes_nothing_away"),
    ),
    Guard(
        "a web interface's own file is not edited through a link",
        (
            Edit(
                "busy_callback/setup/dialplan_changes.py",
                "home, own = survey.etc / CUSTOM, [",
                "home, own = main, [",
            ),
        ),
        (f"{INSTALL}test_a_web_interfaces_own_file_is_not_edited_through_a_link",),
    ),
    Guard(
        "the user of a device is asked for in AstDB",
        (Edit(CHANNEL, BY_USER, "if False:"), Edit(CHANNEL, BY_NUMBER, "(name,)")),
        (f"{PHONES}test_users_and_devices",),
    ),
    Guard(
        "a caller ID is no extension",
        (Edit(CHANNEL, BY_USER, "if False:"), Edit(CHANNEL, BY_NUMBER, "(self.caller_id,)")),
        (f"{PHONES}test_a_caller_id_alias",),
    ),
    Guard(
        "whose phone it is, the channel's device tells: no outsider's, no leg of a group",
        (
            Edit(
                CHANNEL,
                " and self.device in self._freepbx_devices(number):\n                return number",
                ":\n                return number",
            ),
        ),
        (
            f"{PHONES}test_calls_from_outside_are_offered_nothing",
            f"{PHONES}test_a_ring_groups_leg_is_not_answered_by_an_offer",
        ),
    ),
    Guard(
        "an extension may have eight digits",
        (Edit("busy_callback/request.py", "1 <= len(text) <= MOST_DIGITS", "2 <= len(text) <= 6"),),
        (
            f"{PHONES}test_who_gives_up_while_it_rings_may_ask_by_the_code",
            "tests/unit/test_request.py::test_numbers_of_1_to_15_digits_have_ids",
        ),
    ),
    Guard(
        "Issabel is told by what its extensions.conf includes",
        (Edit(FREEPBX, '    "extensions_override_issabelpbx.conf": ISSABEL,\n'),),
        (f"{PLAIN}test_the_product_is_told_by_its_override_file", f"{INSTALL}test_install_names_the_product"),
    ),
    Guard(
        "codes that FreePBX has given away are found at install",
        (Edit("busy_callback/setup/dialplan_changes.py", "    if not taken:\n", "    if True:\n"),),
        (f"{INSTALL}test_codes_that_freepbx_has_given_away_become_others",),
    ),
    Guard(
        "doctor looks at the dialplan that is loaded",
        (Edit("busy_callback/setup/survey.py", "            loaded=loaded,\n", "            loaded=followed,\n"),),
        (
            f"{DOCTOR}test_a_taken_code_is_told",
            f"{DOCTOR}test_a_call_of_ones_own_that_leads_nowhere_is_told",
            f"{DOCTOR}test_a_context_that_is_not_there_is_told",
        ),
    ),
)
