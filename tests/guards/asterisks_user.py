"""Guards of root against the PBX's own user, asterisk; and of the secret and the log against everybody else."""

from __future__ import annotations

from .guard import Edit, Guard

RACES = "tests/unit/setup/test_attack_links_and_races.py::"
ASTRAY = "tests/unit/test_attack_root_led_astray.py::"
PAGE = "tests/unit/report/test_attack_roots_page.py::"
SECRET = "tests/unit/setup/test_attack_secret_for_everybody.py::"
OWN = "tests/unit/setup/test_attack_roots_own_files.py::"
STOPPED = "tests/unit/setup/test_attack_stopped_helper.py::"
LONG = "tests/unit/setup/test_attack_long_lines.py::"
CURES = "tests/unit/setup/test_attack_cures.py::"
AROUND = "tests/unit/test_attack_roots_surroundings.py::"
WORDS = "tests/unit/setup/test_attack_words_for_root.py::"
ENDLESS = "tests/unit/setup/test_attack_endless_answers.py::"
MEMORY = "tests/unit/setup/test_attack_memory.py::"
MOUNT = "tests/unit/store/test_attack_own_file_system.py::"

GUARDS = (
    Guard(
        "a folder that is made is no link",
        (
            Edit(
                "busy_callback/setup/snapshot.py",
                "        if error.errno not in (errno.ENOTDIR, errno.ELOOP):\n",
                "        if True:\n",
            ),
        ),
        (f"{RACES}test_a_spool_that_is_a_link_to_cron",),
    ),
    Guard(
        "in another user's folder that user works, and by descriptors",
        (
            Edit("busy_callback/setup/as_owner.py", "if as_root or not folder.writer or os.geteuid():", "if True:"),
            Edit(
                "busy_callback/setup/snapshot.py",
                "            _dress(descriptor, wanted)\n            if",
                '            os.chown(f"{folder.path}/{temporary}", wanted.uid, wanted.gid)\n            if',
            ),
        ),
        (f"{RACES}test_a_temporary_file_is_renamed_over_between_its_making_and_its_chown",),
    ),
    Guard(
        "what asterisk says is read by asterisk",
        (
            Edit("busy_callback/setup/commands.py", "as_owner.call(pbx.owner, _prepare,", "as_owner.call(0, _prepare,"),
            Edit("busy_callback/setup/commands.py", "    if os.geteuid() == 0 and owner:\n", "    if False:\n"),
        ),
        (
            f"{RACES}test_settings_that_are_a_link_to_a_file_of_roots_are_not_copied",
            f"{RACES}test_a_hard_link_to_a_file_of_roots_is_not_copied_either",
        ),
    ),
    Guard(
        "only Asterisk's own configuration is edited",
        (
            Edit(
                "busy_callback/setup/own_files.py",
                "    if any(real.is_relative_to(os.path.realpath(home)) for home in (str(survey.etc), *allowed)):\n",
                "    if True:\n",
            ),
        ),
        (
            f"{RACES}test_a_configuration_file_that_is_a_link_out_of_the_configuration",
            f"{RACES}test_an_include_leads_to_a_file_of_roots",
        ),
    ),
    Guard(
        "asterisk's word is not enough for where root places files",
        (Edit("busy_callback/setup/places.py", "elif said_by and not writer and not _is_pbxs(real):", "elif False:"),),
        (f"{RACES}test_a_directory_that_leads_to_where_root_runs_things",),
    ),
    Guard(
        "the admin's word is",
        (Edit("busy_callback/setup/places.py", "        if _is_below(real, permitted):\n", "        if False:\n"),),
        (f"{RACES}test_a_directory_that_an_admin_allows",),
    ),
    Guard(
        "no link of another user's is followed",
        (
            Edit(
                "busy_callback/store/safe_paths.py",
                "            if self.decider or other is None or found.st_uid:\n",
                "            if False:\n",
            ),
        ),
        (f"{RACES}test_a_folder_of_asterisks_that_becomes_a_link",),
    ),
    Guard(
        "a file with the secret is closed from its first moment",
        (Edit("busy_callback/setup/own_files.py", "0o640, (owner", "0o644, (owner"),),
        (
            f"{RACES}test_what_root_does_in_its_own_folder_within_asterisks",
            f"{SECRET}test_no_file_with_our_secret_is_open_to_others",
        ),
    ),
    Guard(
        "what a link of asterisk's leads to is looked at by asterisk",
        (
            Edit(
                "busy_callback/setup/changing.py",
                "as_owner.at(link, _behind)",
                "as_owner.at(link, _behind, as_root=True)",
            ),
        ),
        (f"{RACES}test_a_file_that_becomes_a_link_before_uninstall",),
    ),
    Guard(
        "a file of root's stays root's",
        (Edit("busy_callback/setup/snapshot.py", "as_root=self._is_foreign(path)", "as_root=False"),),
        (f"{RACES}test_a_file_of_roots_in_asterisks_folder_keeps_its_owner",),
    ),
    Guard(
        "no configuration file is waited for",
        (Edit("busy_callback/settings.py", "os.O_RDONLY | os.O_NONBLOCK", "os.O_RDONLY"),),
        (f"{RACES}test_a_fifo_in_place_of_a_configuration_file_hangs_nobody",),
        hangs=True,
    ),
    Guard(
        "includes have an end",
        (
            Edit("busy_callback/setup/config_files.py", "    if sum(sizes) > MOST:\n", "    if False:\n"),
            Edit("busy_callback/setup/survey.py", "READING_TIME = 30.0", "READING_TIME = 3000.0"),
        ),
        (f"{RACES}test_includes_without_end_hang_nobody",),
        hangs=True,
    ),
    Guard(
        "a child whose work is done is ended",
        (
            Edit(
                "busy_callback/setup/as_owner.py",
                "            os.kill(self._pid, signal.SIGKILL)\n",
                "            pass\n",
            ),
        ),
        (
            f"{STOPPED}test_a_child_that_is_stopped_holds_root_up_for_nothing",
            f"{STOPPED}test_a_child_that_is_stopped_at_its_work",
        ),
    ),
    Guard(
        "a child has nothing of root's open",
        (
            Edit(
                "busy_callback/setup/as_owner.py",
                "                os.dup2(nothing, number, inheritable=False)\n",
                "                pass\n",
            ),
        ),
        (f"{STOPPED}test_a_child_that_outlives_root_holds_no_lock",),
    ),
    Guard(
        "children have a time in all",
        (Edit("busy_callback/setup/as_owner.py", "        if spent >= PATIENCE_IN_ALL:\n", "        if False:\n"),),
        (f"{STOPPED}test_each_child_is_stopped",),
    ),
    Guard(
        "a line is read in one go",
        (
            Edit(
                "busy_callback/setup/config_files.py",
                '        key, sign, value = self.text.partition("=")\n',
                '        re.fullmatch(r"\\s*([^=\\s][^=]*?)\\s*=>?\\s*(.*?)\\s*", self.text)\n'
                '        key, sign, value = self.text.partition("=")\n',
            ),
            Edit("busy_callback/setup/survey.py", "LOOKING_TIME = 240.0", "LOOKING_TIME = 24000.0"),
        ),
        (f"{LONG}test_a_line_of_a_configuration_file", f"{LONG}test_a_dialplan_that_nobody_can_read_in_a_day"),
        hangs=True,
    ),
    Guard(
        "so is one of the console's",
        (
            Edit(
                "busy_callback/setup/console.py",
                "            name, colon, value = re.sub(",
                '            re.match(r"\\s*\\*?\\s*(.+?)\\s*:\\s+(.*?)\\s*$", line)\n'
                "            name, colon, value = re.sub(",
            ),
        ),
        (f"{LONG}test_a_line_of_asterisks_console",),
    ),
    Guard(
        "what is set aside has a limit",
        (Edit("busy_callback/setup/journal.py", "if kept + len(lost.content) > MOST_ASIDE:", "if False:"),),
        ("tests/unit/setup/test_attack_full_disk.py::test_edited_files_do_not_fill_roots_disk",),
    ),
    Guard(
        "no PBX's is what root's Python runs from",
        (
            Edit(
                "busy_callback/setup/places.py",
                "    if _is_below(path, map(os.path.realpath, _pythons())):\n",
                "    if False:\n",
            ),
        ),
        (f"{OWN}test_a_spool_beside_what_root_runs",),
    ),
    Guard(
        "what is root's already is not given away",
        (Edit("busy_callback/setup/places.py", "if owner is not None and owner != survey.owner.uid:", "if False:"),),
        (f"{OWN}test_a_spool_that_is_the_package_itself",),
    ),
    Guard(
        "requests and logs are removed by the user whose they are",
        (
            Edit(
                "busy_callback/setup/uninstall.py",
                "    if not speaker(os.environ, survey.asterisk_conf):",
                "    if True:",
            ),
        ),
        (f"{OWN}test_a_purge_where_asterisk_conf_leads",),
    ),
    Guard(
        "asterisk.conf's directories begin with /",
        (
            Edit(
                "busy_callback/settings.py",
                '(key.endswith("dir") and not value.startswith("/"))',
                "False",
            ),
        ),
        (f"{WORDS}test_a_log_folder_that_is_an_order_to_logrotate",),
    ),
    Guard(
        "what stands in a file that root's programs read is a path alone",
        (Edit("busy_callback/setup/placed_files.py", 're.fullmatch(r"/[A-Za', 're.search(r"[A-Za'),),
        (f"{WORDS}test_a_log_that_is_more_than_a_path",),
    ),
    Guard(
        "what is printed does nothing to a terminal",
        (
            Edit(
                "busy_callback/numbering.py",
                '    return "".join(c if c.isprintable() or c in',
                '    return text\n    return "".join(c if c.isprintable() or c in',
            ),
        ),
        (f"{RACES}test_what_is_in_a_file_does_nothing_to_the_admins_terminal",),
    ),
    Guard(
        "asterisk's programs do not have the admin's terminal",
        (
            Edit(
                "busy_callback/setup/program.py",
                "start_new_session=True,",
                "start_new_session=False,",
            ),
        ),
        (f"{RACES}test_a_script_that_doctor_runs_can_not_type_into_the_admins_terminal",),
    ),
    Guard(
        "who becomes Asterisk's user leaves what is root's",
        (
            Edit(
                "busy_callback/store/asterisk_user.py",
                "    _leave_what_is_roots()\n    os.setgroups",
                "    os.setgroups",
            ),
        ),
        (f"{AROUND}test_the_terminal", f"{AROUND}test_the_environment", f"{AROUND}test_the_folder"),
    ),
    Guard(
        "doctor has root follow no link of asterisk's",
        (
            Edit("busy_callback/setup/check.py", "    if os.path.islink(path):\n", "    if False:\n"),
            Edit("busy_callback/setup/check.py", "    if not other:\n", "    if True:\n"),
            Edit("busy_callback/setup/checks_machine.py", 'order(f"chown -h {pbx', 'order(f"chown {pbx'),
            Edit("busy_callback/setup/checks_machine.py", 'order(f"chown -h {owner', 'order(f"chown {owner'),
        ),
        (f"{CURES}test_a_link_where_doctor_looks",),
    ),
    Guard(
        "a path is one word in what doctor tells to run",
        (
            Edit("busy_callback/setup/check.py", "    word = shlex.quote(str(path))\n", "    word = str(path)\n"),
            Edit("busy_callback/setup/check.py", "    if not other:\n", "    if True:\n"),
        ),
        (
            f"{CURES}test_a_path_that_is_an_order_to_a_shell",
            f"{CURES}test_a_file_name_that_is_an_order_to_a_shell",
        ),
    ),
    Guard(
        "who makes the page has a time for it",
        (
            Edit(
                "busy_callback/report/output.py",
                "        with Deadline(PATIENCE,",
                "        with Deadline(PATIENCE * 1e6,",
            ),
        ),
        (f"{PAGE}test_who_makes_the_page_is_stopped",),
        hangs=True,
    ),
    Guard(
        "a stranger's file does not name the page's readers",
        (
            Edit(
                "busy_callback/report/output.py",
                "if self._keep and old.st_uid in (0, os.geteuid(), os.fstat(self._folder).st_uid):",
                "if self._keep:",
            ),
        ),
        (f"{PAGE}test_a_page_that_a_stranger_has_made_in_tmp_does_not_name_its_readers",),
    ),
    Guard(
        "so is a context",
        (Edit("busy_callback/setup/advice.py", 'f"--wire {shlex.quote(context)}"', 'f"--wire {context}"'),),
        (f"{CURES}test_a_context_that_is_an_order_to_a_shell",),
    ),
    Guard(
        "root goes on as Asterisk's user",
        (
            Edit("busy_callback/store/asterisk_user.py", "    if said_by:\n        become(said_by)\n"),
            Edit("busy_callback/setup/commands.py", "    if os.geteuid() == 0 and owner:\n", "    if False:\n"),
        ),
        (
            f"{ASTRAY}test_a_spool_that_is_a_link_to_a_folder_of_roots",
            f"{ASTRAY}test_a_spool_that_is_a_link_to_a_folder_where_everybody_writes",
            f"{ASTRAY}test_a_folder_of_the_spool_that_is_a_link",
            f"{ASTRAY}test_a_log_that_is_a_link",
            f"{ASTRAY}test_an_asterisk_conf_that_names_another_user",
            f"{ASTRAY}test_a_settings_file_that_only_root_may_read",
        ),
    ),
    Guard(
        "asterisk.conf tells of who can write it alone",
        (
            Edit(
                "busy_callback/store/asterisk_user.py",
                "        if socket_owner not in (0, said_by):\n",
                "        if False:\n",
            ),
        ),
        (f"{ASTRAY}test_an_asterisk_that_runs_as_somebody_else_than_who_says_so",),
    ),
    Guard(
        "no note is waited for",
        (
            Edit(
                "busy_callback/store/durable.py",
                "os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK",
                "os.O_TRUNC | os.O_NOFOLLOW",
            ),
        ),
        (f"{ASTRAY}test_a_fifo_in_the_spool_hangs_nobody",),
        hangs=True,
    ),
    Guard(
        "what the log was told stands in a file of ours",
        (
            Edit(
                "busy_callback/store/logged_faults.py",
                'lines = read_file(known).decode("ascii", "replace").splitlines()',
                'lines = open(known, errors="replace").read().splitlines()',
            ),
        ),
        (f"{ASTRAY}test_a_link_in_place_of_what_the_log_was_told",),
    ),
    Guard(
        "so does the reason of what was set aside",
        (
            Edit(
                "busy_callback/store/spool.py",
                'Note(self.path("corrupt", f"{name}.reason")).read()',
                'open(self.path("corrupt", f"{name}.reason")).read()',
            ),
        ),
        (f"{ASTRAY}test_the_reason_of_a_corrupt_request",),
    ),
    Guard(
        "no report is waited for",
        (
            Edit(
                "busy_callback/store/durable.py",
                "flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK",
                "flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW",
            ),
        ),
        (f"{ASTRAY}test_a_report_that_is_a_fifo_hangs_no_cancel",),
    ),
    Guard(
        "the log is closed",
        (
            Edit(
                "busy_callback/cli.py",
                "os.open(self.baseFilename, flags, FILE_MODE)",
                "os.open(self.baseFilename, flags, 0o666)",
            ),
            Edit("busy_callback/cli.py", "if stat.S_ISREG(mode) and mode & stat.S_IRWXO:", "if False:"),
        ),
        (f"{ASTRAY}test_the_log_is_for_asterisk_alone",),
    ),
    Guard(
        "what is closed is not called absent",
        (Edit("busy_callback/cli.py", "denied = ordinary and", "denied = False and"),),
        (f"{ASTRAY}test_an_ordinary_user_is_told_the_truth",),
    ),
    Guard(
        "nor called wrong",
        (Edit("busy_callback/setup/doctor.py", "if os.geteuid() and isinstance(", "if False and isinstance("),),
        (f"{ASTRAY}test_an_ordinary_user_asks_doctor",),
    ),
    Guard(
        "manager.conf does not depend on our file",
        (Edit("busy_callback/setup/manager_conf.py", 'f"#tryinclude {', 'f"#include {'),),
        (f"{SECRET}test_manager_conf_outlives_the_loss_of_our_file",),
    ),
    Guard(
        "the secret is looked for in manager.conf's files",
        (
            Edit("busy_callback/pbx/manager_exposure.py", '*glob.glob(f"{folder}/*manager*.conf"), '),
            Edit("busy_callback/setup/checks_machine.py", "if os.stat(holder).st_mode & stat.S_IRWXO:", "if False:"),
        ),
        (f"{SECRET}test_a_file_with_our_secret_that_is_open_is_told",),
    ),
    Guard(
        "only our secret counts",
        (Edit("busy_callback/pbx/manager_exposure.py", " if _holds(path, settings.secret)]", "]"),),
        (f"{SECRET}test_other_files_may_be_open",),
    ),
    Guard(
        "a log that is open is told",
        (
            Edit(
                "busy_callback/setup/checks_machine.py",
                "if os.path.exists(log) and os.stat(log).st_mode & stat.S_IRWXO:",
                "if False:",
            ),
        ),
        (f"{SECRET}test_a_log_that_is_open_is_told",),
    ),
    Guard(
        "who makes the page and the metrics for root is Asterisk's user",
        (
            Edit(
                "busy_callback/report/commands.py",
                "from busy_callback.store.asterisk_user import go_on_as_asterisk\n",
                "from busy_callback.settings import find_directories as go_on_as_asterisk\n",
            ),
            Edit(
                "busy_callback/cli.py",
                "        ctx.obj = go_on_as_asterisk(os.environ",
                "        ctx.obj = find_directories(os.environ",
            ),
        ),
        (f"{PAGE}test_a_spool_that_leads_to_a_folder_of_roots_shows_nothing_of_it",),
    ),
    Guard(
        "root's page goes where no link of another leads",
        (
            Edit(
                "busy_callback/report/output.py",
                "os.open(path, _FOLDER) if os.geteuid() else open_folder(path).descriptor",
                "os.open(path, _FOLDER)",
            ),
        ),
        (f"{PAGE}test_a_page_in_a_folder_of_asterisks_leads_nowhere",),
    ),
    Guard(
        "what was counted is not waited for",
        (Edit("busy_callback/report/counted.py", "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK", "os.O_RDONLY"),),
        (f"{PAGE}test_a_fifo_in_place_of_a_note_hangs_nobody",),
        hangs=True,
    ),
    Guard(
        "who examines for doctor does not hold root up",
        (Edit("busy_callback/setup/commands.py", "as_owner.call(pbx.owner, examine,", "as_owner.call(0, examine,"),),
        (f"{STOPPED}test_who_examines_for_doctor_is_stopped",),
    ),
    Guard(
        "what a program prints has a limit",
        (Edit("busy_callback/setup/program.py", "            if size > MOST:\n", "            if False:\n"),),
        (
            f"{ENDLESS}test_a_console_that_answers_without_end",
            f"{ENDLESS}test_a_script_that_answers_without_end",
            f"{ENDLESS}test_what_is_no_end_is_read_whole",
        ),
    ),
    Guard(
        "uninstall does not keep in memory what nobody needs",
        (
            Edit("busy_callback/setup/changing.py", "        yield _light(back)\n", "        yield back\n"),
            Edit("busy_callback/setup/changing.py", "held + _made(back, journal) > MOST_HELD", "False"),
        ),
        (f"{MEMORY}test_prompts_that_are_huge",),
    ),
    Guard(
        "a number is one of Asterisk's",
        (Edit("busy_callback/setup/call_paths.py", 'if re.fullmatch("[0-9]{1,9}", goal):', "if goal.isdigit():"),),
        (f"{LONG}test_a_number_that_python_takes_for_none",),
    ),
    Guard(
        "a path is one that programs can name",
        (Edit("busy_callback/settings.py", "not value.isprintable() or", "False or"),),
        (f"{WORDS}test_a_path_that_no_program_can_name",),
    ),
    Guard(
        "a child that works as Asterisk's user has so much memory",
        (Edit("busy_callback/setup/as_owner.py", "                limit_memory()\n", ""),),
        (f"{MEMORY}test_what_is_worked_out_as_asterisk",),
    ),
    Guard(
        "what is too much for a child's memory is told",
        (
            Edit(
                "busy_callback/setup/as_owner.py",
                "        except MemoryError:\n",
                "        except ZeroDivisionError:\n",
            ),
        ),
        (f"{MEMORY}test_what_is_worked_out_as_asterisk", f"{MEMORY}test_a_dialplan_of_templates_of_templates"),
    ),
    Guard(
        "an answer of a child's has a limit",
        (Edit("busy_callback/setup/as_owner.py", "if until is not None and left > _LONGEST:", "if False:"),),
        (f"{MEMORY}test_an_answer_that_is_huge",),
    ),
    Guard(
        "who has mounted a file system says what there is",
        (
            Edit(
                "busy_callback/store/safe_paths.py",
                "            self.mounter = mounter(found.st_dev)\n",
                "            self.mounter = 0\n",
            ),
        ),
        (f"{MOUNT}test_a_file_system_in_which_all_is_roots",),
    ),
    Guard(
        "only FUSE lets users mount what they make up",
        (Edit("busy_callback/store/mounts.py", ' and more.startswith("fuse")', ""),),
        (f"{MOUNT}test_file_systems_of_roots_own",),
    ),
    Guard(
        "what is printed of files stays one line",
        (
            Edit("busy_callback/setup/shown_check.py", '" ".join(spoken(check.message).split())', "check.message"),
            Edit(
                "busy_callback/numbering.py",
                """    return visible(text).replace("\\n", "\\\\n")\n""",
                "    return visible(text)\n",
            ),
        ),
        (f"{CURES}test_a_text_of_two_lines", f"{CURES}test_an_included_file_of_two_lines"),
    ),
    Guard(
        "what was counted, and offered, is read as far as it may be ours",
        (
            Edit("busy_callback/report/counted.py", "text = file.read(_MOST + 1)", "text = file.read()"),
            Edit("busy_callback/store/offers.py", "file.readline(_LINE)", "file.readline()"),
        ),
        (f"{PAGE}test_notes_that_are_huge",),
    ),
    Guard(
        "what was counted has our own words",
        (
            Edit(
                "busy_callback/report/counted.py",
                "if any(outcome not in rq.END_STATES or reason not in {*LABELS, OTHER} for outcome, reason in ended):",
                "if False:",
            ),
        ),
        (f"{PAGE}test_a_reason_of_somebody_elses_in_what_was_counted",),
    ),
)
