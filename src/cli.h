// SPDX-License-Identifier: GPL-3.0-or-later
/* The command line: global options, `run`, `config`, and every command of the daemon's table. */
#pragma once

int cli_main(int argc, char **argv); /* exit code: 0 ok, 1 failed, 2 usage */
