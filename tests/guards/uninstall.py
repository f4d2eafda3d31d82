"""Guards of what uninstall gives back."""

from __future__ import annotations

from .guard import Edit, Guard

BACK = "tests/unit/setup/test_giving_back.py::"
JOURNAL = "tests/unit/setup/test_journal.py::"
COMMAND = "tests/unit/setup/test_uninstall.py::"

GUARDS = (
    Guard(
        "an empty file has a backup like any other",
        (
            Edit(
                "busy_callback/setup/journal.py",
                "Snapshot.take(backup).fingerprint != entry.before.fingerprint",
                "Snapshot.take(backup).content != entry.before.content",
            ),
        ),
        (
            f"{BACK}test_install_and_uninstall_lead_back",
            f"{JOURNAL}test_an_empty_file_is_given_back_with_all_that_follows",
            "tests/unit/setup/test_install.py::test_freepbx_is_given_back_with_its_empty_files",
        ),
    ),
    Guard(
        "a backup that is not as it was written is none",
        (
            Edit(
                "busy_callback/setup/journal.py",
                "if found.kind == ABSENT or (len(found.content), digest(found.content)) != (size, sha256):",
                "if False:",
            ),
        ),
        (
            f"{JOURNAL}test_a_backup_that_is_not_there_as_written_stops_everything",
            f"{COMMAND}test_a_lost_backup_stops_install_and_uninstall",
        ),
    ),
    Guard(
        "what an admin wrote around our blocks stays",
        (
            Edit(
                "busy_callback/setup/entry.py",
                "            if self.edit or rest != now.content:\n",
                "            if False:\n",
            ),
        ),
        (f"{BACK}test_whatever_happened_since", f"{JOURNAL}test_what_an_admin_added_since_stays"),
    ),
    Guard(
        "what a killed run was writing is swept away",
        (Edit("busy_callback/setup/changing.py", "        _sweep(journal.entries)\n"),),
        (f"{BACK}test_killed_at_every_call",),
    ),
    Guard(
        "an interrupted upgrade leaves what is ours known as ours",
        (Edit("busy_callback/setup/entry.py", "left = (*known, Left.of(wanted))", "left = (Left.of(wanted),)"),),
        (f"{BACK}test_killed_at_every_call", f"{JOURNAL}test_an_interrupted_upgrade_is_nobodys_edit"),
    ),
    Guard(
        "what uninstall left is compared with what it promised",
        (Edit("busy_callback/setup/changing.py", "why = _difference(back)", 'why = ""'),),
        (f"{JOURNAL}test_what_undo_left_is_compared_with_what_it_promised",),
    ),
    Guard(
        "what a block refers to stays with it",
        (Edit("busy_callback/setup/changing.py", "stuck = stuck or path", "pass"),),
        (f"{JOURNAL}test_a_block_that_stays_keeps_what_it_refers_to",),
    ),
)
