// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "commands.h"

#define LOG_MODULE "ctl"
#include "base/log.h"

#define CTL_CONNECTIONS 8
#define CTL_TIMEOUT_NS  (5 * NS_PER_S)
#define CTL_PAUSE_NS    (NS_PER_S / 2) /* after running out of descriptors */
#define CTL_ANSWER_S    10             /* how long a command waits for its daemon */

_Static_assert(COMMAND_ARGS_MAX == 4, "struct ctl_request has room for every command's arguments");

struct ctl_conn {
	struct ctl *ctl;
	int fd;
	struct loop_fd *handle;
	struct loop_timer *timer;
	struct buf in, out;
	size_t sent;
};

struct ctl {
	struct loop *loop;
	struct daemon_ctx *daemon;
	int fd;
	struct loop_fd *handle;
	struct loop_timer *pause;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	ino_t inode; /* of our socket file: another daemon's is not ours to remove */
	struct ctl_conn *conn[CTL_CONNECTIONS];
};

int ctl_request_parse(struct ctl_request *r, const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *args, *arg;
	size_t i;

	*r = (struct ctl_request){.json_owner = root};
	r->command = json_string_value(json_object_get(root, "command"));
	r->json = json_is_true(json_object_get(root, "json"));
	args = json_object_get(root, "args");
	if (!r->command || (args && !json_is_array(args)) || json_array_size(args) > COMMAND_ARGS_MAX)
		goto bad;
	json_array_foreach(args, i, arg)
	{
		r->args[r->n_args++] = json_string_value(arg);
		if (!r->args[i])
			goto bad;
	}
	return 0;
bad:
	ctl_request_finish(r);
	return -EBADMSG;
}

void ctl_request_finish(struct ctl_request *r)
{
	json_decref(r->json_owner);
	*r = (struct ctl_request){0};
}

static void conn_close(struct ctl_conn *c)
{
	for (unsigned i = 0; i < CTL_CONNECTIONS; i++)
		if (c->ctl->conn[i] == c)
			c->ctl->conn[i] = NULL;
	loop_fd_remove(c->handle);
	loop_timer_remove(c->timer);
	close(c->fd);
	buf_finish(&c->in);
	buf_finish(&c->out);
	free(c);
}

static int run_request(struct ctl *ctl, const struct buf *in, struct buf *out)
{
	const struct command *cmd;
	struct ctl_request r;
	int rc = 2;

	if (ctl_request_parse(&r, buf_cstr(in), in->len) < 0) {
		buf_str(out, "malformed request\n");
		return 2;
	}
	cmd = command_find(r.command);
	if (!cmd)
		buf_str(out, "the daemon does not know this command\n");
	else if (r.n_args < cmd->min_args || r.n_args > cmd->max_args)
		buf_fmt(out, "usage: moonrill %s %s\n", cmd->name, cmd->args);
	else
		rc = cmd->run(ctl->daemon, r.n_args, r.args, r.json, out);
	ctl_request_finish(&r);
	return rc;
}

static void answer(struct ctl_conn *c)
{
	struct buf text;
	json_t *o;
	char *line;
	int rc;

	buf_init(&text, CTL_ANSWER_MAX / 2);
	rc = run_request(c->ctl, &c->in, &text);
	o = json_pack("{s:i,s:s}", "exit", text.err ? 1 : rc, "output", buf_cstr(&text));
	line = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (line && strlen(line) < CTL_ANSWER_MAX)
		buf_fmt(&c->out, "%s\n", line);
	else
		buf_str(&c->out, "{\"exit\":1,\"output\":\"the answer is too long or not UTF-8\\n\"}\n");
	free(line);
	json_decref(o);
	buf_finish(&text);
}

static void on_conn(void *ctx, uint32_t events)
{
	struct ctl_conn *c = ctx;
	char chunk[1024];

	(void)events;
	while (!c->out.len) {
		ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			buf_add(&c->in, chunk, (size_t)n);
		if (n <= 0 || c->in.err) {
			conn_close(c);
			return;
		}
		if (memchr(c->in.data, '\n', c->in.len))
			answer(c);
	}
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			loop_fd_events(c->handle, EPOLLOUT);
			return;
		}
		if (n <= 0)
			break;
		c->sent += (size_t)n;
	}
	conn_close(c);
}

static void on_timeout(void *ctx)
{
	conn_close(ctx);
}

static bool may_connect(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && (cred.uid == 0 || cred.uid == geteuid());
}

static void on_accept(void *ctx, uint32_t events)
{
	struct ctl *ctl = ctx;
	struct ctl_conn *c;
	unsigned slot = 0;
	int fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0) {
		/* Still readable without a descriptor for it: looking again at once would spin. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			loop_fd_events(ctl->handle, 0);
			loop_timer_arm_in(ctl->pause, CTL_PAUSE_NS);
		}
		return;
	}
	while (slot < CTL_CONNECTIONS && ctl->conn[slot])
		slot++;
	c = slot < CTL_CONNECTIONS && may_connect(fd) ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->ctl = ctl;
	c->fd = fd;
	buf_init(&c->in, CTL_REQUEST_MAX);
	buf_init(&c->out, CTL_ANSWER_MAX);
	ctl->conn[slot] = c;
	c->handle = loop_fd_add(ctl->loop, fd, EPOLLIN, on_conn, c);
	c->timer = loop_timer_add(ctl->loop, on_timeout, c);
	if (!c->handle || !c->timer) {
		conn_close(c);
		return;
	}
	loop_timer_arm_in(c->timer, CTL_TIMEOUT_NS);
}

static void on_pause_over(void *ctx)
{
	struct ctl *ctl = ctx;

	loop_fd_events(ctl->handle, EPOLLIN);
}

/* A daemon that hangs answers nobody: no step waits longer than CTL_ANSWER_S. */
static int connect_to(const char *path)
{
	const struct timeval limit = {.tv_sec = CTL_ANSWER_S};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, err;

	if (!str_copy(to.sun_path, sizeof(to.sun_path), path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* What a daemon that died left behind is removed; nothing else is. */
static int remove_stale(const char *path)
{
	struct stat st;
	int fd = connect_to(path);

	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd == -EAGAIN || fd == -ETIMEDOUT)
		return -EADDRINUSE; /* it hangs, but it is there */
	if (fd != -ECONNREFUSED)
		return fd == -ENOENT ? 0 : fd;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || (st.st_uid != geteuid() && geteuid() != 0))
		return -EEXIST;
	return unlink(path) < 0 ? -errno : 0;
}

static int listen_on(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, err;

	if (!str_copy(at.sun_path, sizeof(at.sun_path), path))
		return -ENAMETOOLONG;
	err = remove_stale(path);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The file gets the socket's mode; a umask would be every thread's. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, CTL_CONNECTIONS) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int ctl_create(struct ctl **out, struct loop *loop, const char *path, struct daemon_ctx *d)
{
	struct ctl *c = calloc(1, sizeof(*c));
	struct stat st;
	int fd;

	if (!c)
		return -ENOMEM;
	fd = listen_on(path);
	if (fd < 0) {
		free(c);
		return fd;
	}
	c->loop = loop;
	c->daemon = d;
	c->fd = fd;
	str_copy(c->path, sizeof(c->path), path);
	if (lstat(path, &st) == 0)
		c->inode = st.st_ino;
	c->pause = loop_timer_add(loop, on_pause_over, c);
	c->handle = loop_fd_add(loop, fd, EPOLLIN, on_accept, c);
	if (!c->handle || !c->pause) {
		ctl_destroy(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void ctl_destroy(struct ctl *c)
{
	struct stat st;

	if (!c)
		return;
	for (unsigned i = 0; i < CTL_CONNECTIONS; i++)
		if (c->conn[i])
			conn_close(c->conn[i]);
	loop_fd_remove(c->handle);
	loop_timer_remove(c->pause);
	close(c->fd);
	if (lstat(c->path, &st) == 0 && st.st_ino == c->inode)
		unlink(c->path);
	free(c);
}

/* ---- client ---- */

static int send_request(int fd, const char *command, int argc, char *const *argv, bool json)
{
	json_t *args = json_array(), *o;
	char *line;
	int err = 0;

	for (int i = 0; i < argc; i++)
		json_array_append_new(args, json_string(argv[i]));
	o = json_pack("{s:s,s:o,s:b}", "command", command, "args", args, "json", json);
	line = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (!line)
		return -EINVAL; /* an argument that is not UTF-8 */
	if (strlen(line) >= CTL_REQUEST_MAX)
		err = -E2BIG;
	else if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		err = -errno;
	free(line);
	return err;
}

static int read_answer(int fd, struct buf *out)
{
	struct buf line;
	char chunk[4096];
	json_t *o = NULL;
	ssize_t n;
	int rc = -EPROTO;

	buf_init(&line, CTL_ANSWER_MAX);
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		buf_add(&line, chunk, (size_t)n);
	if (!line.err && line.len)
		o = json_loadb(buf_cstr(&line), line.len, 0, NULL);
	if (json_is_integer(json_object_get(o, "exit")) && json_is_string(json_object_get(o, "output"))) {
		rc = (int)json_integer_value(json_object_get(o, "exit"));
		buf_str(out, json_string_value(json_object_get(o, "output")));
	}
	json_decref(o);
	buf_finish(&line);
	return rc;
}

int ctl_call(const char *path, const char *command, int argc, char *const *argv, bool json, struct buf *out)
{
	int fd = connect_to(path), rc;

	if (fd < 0)
		return fd;
	rc = send_request(fd, command, argc, argv, json);
	if (!rc)
		rc = read_answer(fd, out);
	close(fd);
	return rc;
}
