"""Legal comments at the head of source files go, and nothing else."""

import pytest

from synth_dagster.methods.refine.header_cleanser import HeaderCleanser

CODE = "import os\n\n\ndef main():\n    pass\n"


@pytest.mark.parametrize(
    "header",
    [
        "# Copyright 2020 The Authors\n# Licensed under Apache 2.0\n",
        "#Copyright 2020 The Authors\n",
        "// Copyright (c) 2020\n// All rights reserved.\n",
        "/*\n * Copyright 2020\n * MIT license\n */\n",
        "/* SPDX-License-Identifier: MIT */\n",
        '"""Copyright 2020, under the MIT license."""\n',
        "<!-- Licence: CC0 -->\n",
        "-- Copyright 2020\n",
        "; (c) 2020 by us\n",
        "% Copyright 2020\n",
        "{- Copyright 2020 -}\n",
        "(* Copyright 2020 *)\n",
    ],
)
def test_a_legal_header_goes(header):
    assert HeaderCleanser().cleaned(header + CODE) == CODE
    assert HeaderCleanser().cleaned(header + "\n" + CODE) == CODE


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        "# A module about rivers.\n" + CODE,
        '#include "license.h"\nint main() {}\n',
        CODE + "# Copyright 2020\n",
        "# Copyright 2020\n",  # nothing but its licence
        "/* Copyright 2020, and never closed\nint x;\n",
        "/* Copyright */ int x = 1;\n",
        "",
    ],
    ids=["none", "other comment", "include", "below code", "alone", "open", "code on its line", "empty"],
)
def test_all_else_stays(text):
    assert HeaderCleanser().cleaned(text) == text


def test_a_first_line_for_the_shell_and_other_comments_stay():
    text = "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n# Copyright 2020\n\n# What this is for.\n" + CODE
    assert HeaderCleanser().cleaned(text) == (
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n# What this is for.\n" + CODE
    )


def test_a_very_long_comment_is_no_header():
    text = "# Copyright\n" + "# and much more\n" * 20 + CODE
    assert HeaderCleanser().cleaned(text) == CODE
    assert HeaderCleanser(longest=10).cleaned(text) == text
