"""Guards against recalls that harass, that ring somebody else, or that tell what was hidden."""

from __future__ import annotations

from .guard import Edit, Guard

SETTLEMENT = "tests/unit/test_settlement.py::"
REFUSALS = "tests/acceptance/test_refusals.py::"
REACH = "tests/acceptance/test_recall_reach.py::"
CONTACTS = "tests/acceptance/test_attack_contacts.py::"
FORWARDING = "tests/acceptance/test_attack_forwarding.py::"
TALKED = "tests/acceptance/test_talked.py::"
RECORDS = "tests/acceptance/test_records.py::"
DIALPLAN = "dialplan/extensions_busy_callback.conf"
SETTLE = "busy_callback/settlement.py"

GUARDS = (
    Guard(
        "a callee who refuses is left alone",
        (Edit(SETTLE, "    if failed and (outcome.callee_cause == _REJECTED or", "    if False and (False or"),),
        (
            f"{SETTLEMENT}test_a_callee_that_refuses_ends_the_request",
            f"{REFUSALS}test_a_callee_that_rejects_is_left_alone",
            f"{REFUSALS}test_a_callee_that_declines_or_went_on_do_not_disturb_is_left_alone",
        ),
    ),
    Guard(
        "who is gone before the callee is dialled is served",
        (Edit(SETTLE, "        if outcome.caller and not file_waits and not outcome.fresh", "        if False"),),
        (f"{SETTLEMENT}test_who_hangs_up_before_the_callee_is_dialled_holds_nobody_up",),
    ),
    Guard(
        "attempts have a number",
        (Edit(SETTLE, "    if count >= settings.attempts:", "    if False:"),),
        (
            f"{SETTLEMENT}test_a_callee_that_is_taken_again_each_time_is_given_up",
            f"{SETTLEMENT}test_nobody_is_rung_more_often_than_is_set",
            f"{REFUSALS}test_a_callee_that_is_taken_again_each_time_is_given_up",
        ),
    ),
    Guard(
        "a callee that vanished is told from one that is taken",
        (Edit(SETTLE, 'if outcome.callee == "BUSY" else "could', 'if True else "could'),),
        (f"{SETTLEMENT}test_a_callee_that_vanished_is_told_from_one_that_is_taken",),
    ),
    Guard(
        "a collision is no attempt",
        (Edit(SETTLE, "outcome.cause == _USER_BUSY and outcome.caller_in_use", "False"),),
        (f"{SETTLEMENT}test_a_collision_costs_no_attempt_but_a_pause", f"{REFUSALS}test_a_collision_costs_no_attempt"),
    ),
    Guard(
        "whoever rang has had an attempt",
        (Edit(SETTLE, "    if not outcome.rang:\n", "    if True:\n"),),
        (f"{SETTLEMENT}test_whoever_rang_or_rejects_has_had_an_attempt",),
    ),
    Guard(
        "a phone that is not there has not rung",
        (Edit(SETTLE, "if outcome.caller in _UNREACHABLE and outcome.cause != _REJECTED:", "if False:"),),
        (f"{SETTLEMENT}test_a_caller_that_could_not_be_reached_costs_no_attempt",),
    ),
    Guard(
        "who has no phone that may be rung is told",
        (Edit(SETTLE, '    if outcome.caller == "NO-PHONE":', "    if False:"),),
        (f"{SETTLEMENT}test_a_caller_without_a_phone_that_may_be_rung_says_why",),
    ),
    Guard(
        "what a phone forwards to is not rung",
        (Edit(DIALPLAN, ",iU(busy-callback-answered)", ",U(busy-callback-answered)"),),
        (
            f"{FORWARDING}test_a_phone_that_forwards_carries_the_recall_nowhere",
            f"{FORWARDING}test_nor_by_any_redirect_method",
        ),
    ),
    Guard(
        "no phone redirects a recall past Dial",
        (
            Edit(
                DIALPLAN,
                'GotoIf($["${PJSIP_ENDPOINT(${DEVICE:6},redirect_method)}" = "uri_pjsip"]?after)',
                "NoOp()",
            ),
            Edit(DIALPLAN, ' & "${PJSIP_ENDPOINT(${ARG1:6},redirect_method)}" != "uri_pjsip"]?plain', "]?plain"),
        ),
        (f"{FORWARDING}test_nor_by_any_redirect_method",),
    ),
    Guard(
        "a contact is a plain address",
        (
            Edit(
                DIALPLAN,
                'GotoIf(${REGEX("^${DEVICE}/sips?:[][A-Za-z0-9.:@\\;=%_~*+-]+$" ${CONTACT})}?:other)',
                "NoOp()",
            ),
        ),
        (f"{CONTACTS}test_no_contact_adds_a_device_or_an_option",),
    ),
    Guard(
        "every contact rings",
        (
            Edit(DIALPLAN, "GotoIf($[${FIELDQTY(CONTACTS,&)} < 2]?device)", "Goto(device)"),
            Edit(DIALPLAN, "GotoIf($[${FIELDQTY(CONTACTS,&)} < 2 &", "GotoIf($["),
        ),
        (f"{REACH}test_every_phone_of_an_extension_rings",),
    ),
    Guard(
        "a hidden number is remembered",
        (Edit("busy_callback/agi.py", ", channel.presentation"),),
        (f"{REACH}test_a_hidden_number_stays_hidden",),
    ),
    Guard(
        "and no other is hidden",
        (Edit("busy_callback/pbx/callfile.py", "    if request.presentation == RESTRICTED:\n", "    if True:\n"),),
        (f"{REACH}test_a_number_that_is_shown_is_shown",),
    ),
    Guard(
        "the caller sees the callee's name, made harmless",
        (Edit("busy_callback/pbx/callfile.py", "c if c.isprintable() and c not in _NOT_SHOWN", "c if True"),),
        (
            f"{REACH}test_the_caller_sees_the_callees_name",
            "tests/unit/pbx/test_attack_callfile_injection.py::test_a_callees_name_is_made_harmless",
        ),
    ),
    Guard(
        "the callee sees that it is a callback",
        (Edit(DIALPLAN, "Set(CALLERID(name)=${BUSY_CALLBACK_PREFIX} ${CALLERID(name)})", "NoOp()"),),
        (f"{REACH}test_the_callee_sees_that_it_is_a_callback",),
    ),
    Guard(
        "who has talked is not called back",
        (Edit("busy_callback/pbx/device_states.py", "return are_connected(self.ami, caller, callee)", "return False"),),
        tuple(f"{TALKED}test_a_{way}" for way in ("direct_call", "queue", "ring_group", "transfer", "conference")),
    ),
    Guard(
        "a Local channel joins two bridges",
        (Edit("busy_callback/pbx/conversations.py", "*_other_half(c)", ""),),
        (f"{TALKED}test_a_queue", f"{TALKED}test_a_ring_group"),
    ),
    Guard(
        "two who are both in use are looked at again",
        (Edit("busy_callback/policy.py", "due.append(connected if connected > now else now + TRANSFERRING)", "pass"),),
        (f"{TALKED}test_a_transfer",),
    ),
    Guard(
        "who has not talked is called back",
        (Edit("busy_callback/pbx/device_states.py", "return are_connected(self.ami, caller, callee)", "return True"),),
        (f"{TALKED}test_two_who_are_in_calls_with_others_have_not_talked",),
    ),
    Guard(
        "our own channels make no records",
        (
            Edit("busy_callback/pbx/ami.py", '["CDR_PROP(disable)=1", *', "[*"),
            Edit("busy_callback/pbx/callfile.py", '        "CDR_PROP(disable)": "1",\n'),
        ),
        (f"{RECORDS}test_a_recall_makes_one_record",),
    ),
)
