// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A network between a client and a host, in user space and without privileges: listens on one address with the host's
 * port numbers, hands TCP on unchanged, and does to the datagrams of video, control and audio what a path is told to do
 * (path.h). It knows ports and nothing else of what it carries.
 *
 *	netlab-relay --listen 127.0.0.2 --to 127.0.0.1 --base PORT --spec FILE [--seed N] [--log FILE]
 *
 * The specification is {"down": PATH, "up": PATH} (path_spec.h); its clock starts with the first video datagram from
 * the host, until then there is only the delay. Prints "ready" when it listens, and its counters as JSON when it ends
 * (SIGTERM, SIGINT). The log has a line a datagram: microseconds of CLOCK_MONOTONIC at arrival, direction, port, bytes
 * of payload, fate, microseconds at departure (0: never). Bytes of counters and rates are those of Ethernet frames, as
 * interface counters have them.
 *
 * Arrivals count by the kernel's time stamps, so a late wake-up of this process neither loosens nor tightens a rate; it
 * only delivers late, and says so in late_us_max.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"
#include "path.h"
#include "path_spec.h"
#include "relay_count.h"
#include "tcp_pipe.h"

#define DATAGRAM_MAX 2048
#define PACKETS      16384
#define FLOWS        64
#define BATCH        32
#define BUFFER_BYTES (8 << 20)

static const int udp_offset[PATH_PORTS] = {9, 10, 11}, tcp_offset[] = {-5, 0, 21};

struct port {
	unsigned index;
	int fd;
	struct loop_fd *handle;
};

/* One client of one port: the host sees a socket of its own for each. */
struct flow {
	struct port *port;
	union addr client;
	int fd;
	struct loop_fd *handle;
	uint64_t used_ns;
};

struct packet {
	uint64_t at_ns, serial;
	struct flow *flow;
	enum relay_dir dir;
	uint16_t len;
	uint8_t data[DATAGRAM_MAX];
};

static struct {
	struct loop *loop;
	const char *listen, *target, *spec;
	uint16_t base;
	uint64_t seed;
	struct port port[PATH_PORTS];
	struct tcp_pipe *tcp[ARRAY_LEN(tcp_offset)];
	struct path *path[DIRS];
	uint64_t delay_ns[DIRS];
	struct flow flow[FLOWS];
	struct packet *packet;
	uint32_t heap[PACKETS], unused[PACKETS];
	unsigned pending, n_unused;
	uint64_t serial, newest_ns[DIRS];
	int timer;
	struct loop_fd *timer_handle;
	struct relay_count count;
	uint32_t seen_overflow[FLOWS + PATH_PORTS]; /* the kernel counts on per socket */
} relay;

/* ---- what waits, soonest first ---- */

static bool sooner(uint32_t a, uint32_t b)
{
	const struct packet *x = &relay.packet[a], *y = &relay.packet[b];

	return x->at_ns != y->at_ns ? x->at_ns < y->at_ns : x->serial < y->serial;
}

static void heap_put(uint32_t id)
{
	unsigned i = relay.pending++;

	for (; i && sooner(id, relay.heap[(i - 1) / 2]); i = (i - 1) / 2)
		relay.heap[i] = relay.heap[(i - 1) / 2];
	relay.heap[i] = id;
}

static uint32_t heap_take(void)
{
	uint32_t top = relay.heap[0], last = relay.heap[--relay.pending];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < relay.pending) {
		if (child + 1 < relay.pending && sooner(relay.heap[child + 1], relay.heap[child]))
			child++;
		if (!sooner(relay.heap[child], last))
			break;
		relay.heap[i] = relay.heap[child];
		i = child;
	}
	relay.heap[i] = last;
	return top;
}

static void arm(void)
{
	uint64_t at = relay.pending ? relay.packet[relay.heap[0]].at_ns : 0;
	struct itimerspec t = {.it_value = {(time_t)(at / NS_PER_S), (long)(at % NS_PER_S)}};

	timerfd_settime(relay.timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static int socket_of(const struct packet *p)
{
	return p->dir == DOWN ? p->flow->port->fd : p->flow->fd;
}

static void send_some(uint32_t *ids, unsigned n)
{
	struct mmsghdr msg[BATCH] = {0};
	struct iovec iov[BATCH];
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &relay.packet[ids[i]];

		iov[i] = (struct iovec){p->data, p->len};
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		if (p->dir == DOWN) {
			msg[i].msg_hdr.msg_name = &p->flow->client;
			msg[i].msg_hdr.msg_namelen = addr_len(&p->flow->client);
		}
	}
	while (done < n) {
		int sent = sendmmsg(socket_of(&relay.packet[ids[0]]), msg + done, n - done, 0);

		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno != EINTR) {
			relay.count.send_failed += errno != ECONNREFUSED; /* nobody there: the path did its part */
			done++;
		}
	}
	for (unsigned i = 0; i < n; i++)
		relay.unused[relay.n_unused++] = ids[i];
}

static void deliver(void)
{
	uint32_t ids[BATCH];
	uint64_t now = clock_ns();
	unsigned n = 0;

	while (relay.pending && relay.packet[relay.heap[0]].at_ns <= now) {
		uint32_t id = heap_take();
		struct packet *p = &relay.packet[id];

		if (now - p->at_ns > relay.count.late_max_ns)
			relay.count.late_max_ns = now - p->at_ns;
		if (n && (n == BATCH || socket_of(p) != socket_of(&relay.packet[ids[0]]))) {
			send_some(ids, n);
			n = 0;
		}
		ids[n++] = id;
	}
	if (n)
		send_some(ids, n);
	arm();
}

static void on_timer(void *ctx, uint32_t events)
{
	uint64_t times;

	(void)ctx;
	(void)events;
	if (read(relay.timer, &times, sizeof(times)) == (ssize_t)sizeof(times))
		deliver();
}

/* ---- what arrives ---- */

static void keep(struct flow *f, enum relay_dir dir, const uint8_t *data, size_t len, uint64_t at_ns)
{
	uint32_t id;
	struct packet *p;

	if (!relay.n_unused) {
		relay.count.overflow++;
		return;
	}
	id = relay.unused[--relay.n_unused];
	p = &relay.packet[id];
	p->at_ns = at_ns;
	p->serial = relay.serial++;
	p->flow = f;
	p->dir = dir;
	p->len = (uint16_t)len;
	memcpy(p->data, data, len);
	heap_put(id);
}

static void carry(struct flow *f, enum relay_dir dir, const uint8_t *data, size_t len, uint64_t now)
{
	uint64_t start_ns;
	struct path_verdict v;

	if (now < relay.newest_ns[dir])
		now = relay.newest_ns[dir];
	relay.newest_ns[dir] = now;
	f->used_ns = now;
	if (!relay.count.start_ns && dir == DOWN && f->port->index == 0)
		relay.count.start_ns = now;
	start_ns = relay.count.start_ns;
	if (start_ns)
		v = path_packet(relay.path[dir], now > start_ns ? now - start_ns : 0, f->port->index,
				(uint32_t)len + RELAY_OVERHEAD);
	else
		v = (struct path_verdict){.copies = 1, .at_ns = {relay.delay_ns[dir]}};
	for (unsigned i = 0; i < v.copies; i++)
		v.at_ns[i] += start_ns ? start_ns : now;
	relay_count_packet(&relay.count, dir, f->port->index, len, now, &v);
	for (unsigned i = 0; i < v.copies; i++)
		keep(f, dir, data, len, v.at_ns[i]);
}

struct inbox {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	union addr from[BATCH];
	char control[BATCH][128];
	uint8_t data[BATCH][DATAGRAM_MAX];
};

static struct inbox inbox;

static uint64_t arrival(struct msghdr *m, uint64_t real_minus_mono, uint64_t now, uint32_t *seen)
{
	uint64_t at = now;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec ts;
		uint32_t lost;

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			at = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec - real_minus_mono;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&lost, CMSG_DATA(c), sizeof(lost));
			relay.count.socket_overflow += lost - *seen;
			*seen = lost;
		}
	}
	return at < now ? at : now;
}

static int receive(int fd)
{
	for (unsigned i = 0; i < BATCH; i++) {
		inbox.iov[i] = (struct iovec){inbox.data[i], DATAGRAM_MAX};
		inbox.msg[i].msg_hdr = (struct msghdr){
			.msg_name = &inbox.from[i],
			.msg_namelen = sizeof(inbox.from[i]),
			.msg_iov = &inbox.iov[i],
			.msg_iovlen = 1,
			.msg_control = inbox.control[i],
			.msg_controllen = sizeof(inbox.control[i]),
		};
	}
	return recvmmsg(fd, inbox.msg, BATCH, MSG_DONTWAIT, NULL);
}

static uint64_t clock_distance(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec - clock_ns();
}

static int prepare(int fd)
{
	int one = 1, size = BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) < 0 ? -errno : 0;
}

static void on_host(void *ctx, uint32_t events)
{
	struct flow *f = ctx;
	uint64_t distance = clock_distance(), now = clock_ns();
	int n;

	(void)events;
	do {
		n = receive(f->fd);
		for (int i = 0; i < n; i++)
			carry(f, DOWN, inbox.data[i], inbox.msg[i].msg_len,
			      arrival(&inbox.msg[i].msg_hdr, distance, now, &relay.seen_overflow[f - relay.flow]));
	} while (n == BATCH);
	deliver();
}

static void flow_end(struct flow *f)
{
	loop_fd_remove(f->handle);
	close(f->fd);
	f->handle = NULL;
	f->fd = -1;
}

static bool flow_open(struct flow *f, struct port *p, const union addr *client)
{
	union addr host;

	if (addr_parse(&host, relay.target, (uint16_t)(relay.base + udp_offset[p->index])))
		return false;
	f->fd = socket(host.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		return false;
	f->port = p;
	f->client = *client;
	relay.seen_overflow[f - relay.flow] = 0;
	if (prepare(f->fd) || connect(f->fd, &host.sa, addr_len(&host)) < 0) {
		close(f->fd);
		f->fd = -1;
		return false;
	}
	f->handle = loop_fd_add(relay.loop, f->fd, EPOLLIN, on_host, f);
	if (!f->handle) {
		close(f->fd);
		f->fd = -1;
		return false;
	}
	return true;
}

static struct flow *flow_of(struct port *p, const union addr *client)
{
	struct flow *oldest = NULL;

	for (struct flow *f = relay.flow; f < relay.flow + FLOWS; f++) {
		if (f->fd >= 0 && f->port == p && addr_equal(&f->client, client))
			return f;
		if (!oldest || (oldest->fd >= 0 && (f->fd < 0 || f->used_ns < oldest->used_ns)))
			oldest = f;
	}
	/* Packets that wait point at their flow: an old one goes only while none do. */
	if (oldest->fd >= 0) {
		if (relay.pending)
			return NULL;
		flow_end(oldest);
	}
	return flow_open(oldest, p, client) ? oldest : NULL;
}

static void on_client(void *ctx, uint32_t events)
{
	struct port *p = ctx;
	uint64_t distance = clock_distance(), now = clock_ns();
	int n;

	(void)events;
	do {
		n = receive(p->fd);
		for (int i = 0; i < n; i++) {
			struct flow *f = flow_of(p, &inbox.from[i]);
			uint64_t at =
				arrival(&inbox.msg[i].msg_hdr, distance, now, &relay.seen_overflow[FLOWS + p->index]);

			if (f)
				carry(f, UP, inbox.data[i], inbox.msg[i].msg_len, at);
			else
				relay.count.no_flow++;
		}
	} while (n == BATCH);
	deliver();
}

/* ---- the start and the end ---- */

static void on_signal(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	loop_quit(relay.loop, 0);
}

static int read_spec(void)
{
	json_error_t at;
	json_t *o = json_load_file(relay.spec, 0, &at);
	const char *why = at.text;
	int err = o ? 0 : -EINVAL;

	for (unsigned d = 0; d < DIRS && !err; d++) {
		struct path_params p;

		err = path_spec_read(&p, json_object_get(o, relay_dirs[d]), &why);
		if (err)
			break;
		relay.path[d] = path_create(&p, relay.seed * DIRS + d);
		relay.delay_ns[d] = p.delay_ns;
		if (!relay.path[d])
			err = -ENOMEM;
	}
	if (err)
		fprintf(stderr, "netlab-relay: %s: %s\n", relay.spec, err == -ENOMEM ? "no memory" : why);
	json_decref(o);
	return err;
}

static int listen_all(void)
{
	int err;

	for (unsigned i = 0; i < PATH_PORTS; i++) {
		struct port *p = &relay.port[i];

		p->index = i;
		err = addr_bind(relay.listen, (uint16_t)(relay.base + udp_offset[i]), SOCK_DGRAM, &p->fd);
		if (!err)
			err = prepare(p->fd);
		if (err)
			return err;
		p->handle = loop_fd_add(relay.loop, p->fd, EPOLLIN, on_client, p);
		if (!p->handle)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < ARRAY_LEN(tcp_offset); i++) {
		err = tcp_pipe_create(&relay.tcp[i], relay.loop, relay.listen, relay.target,
				      (uint16_t)(relay.base + tcp_offset[i]));
		if (err)
			return err;
	}
	return 0;
}

static int start(void)
{
	int err;

	for (unsigned i = 0; i < FLOWS; i++)
		relay.flow[i].fd = -1;
	for (unsigned i = 0; i < PATH_PORTS; i++)
		relay.port[i].fd = -1;
	relay.loop = loop_create();
	relay.packet = malloc(sizeof(*relay.packet) * PACKETS);
	relay.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (!relay.loop || !relay.packet || relay.timer < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < PACKETS; i++)
		relay.unused[relay.n_unused++] = PACKETS - 1 - i;
	relay.timer_handle = loop_fd_add(relay.loop, relay.timer, EPOLLIN, on_timer, NULL);
	if (!relay.timer_handle)
		return -ENOMEM;
	err = loop_signal_add(relay.loop, SIGTERM, on_signal, NULL);
	if (!err)
		err = loop_signal_add(relay.loop, SIGINT, on_signal, NULL);
	return err ? err : listen_all();
}

static void stop(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(tcp_offset); i++)
		tcp_pipe_destroy(relay.tcp[i]);
	for (unsigned i = 0; i < FLOWS; i++) {
		if (relay.flow[i].fd >= 0)
			flow_end(&relay.flow[i]);
	}
	for (unsigned i = 0; i < PATH_PORTS; i++) {
		loop_fd_remove(relay.port[i].handle);
		if (relay.port[i].fd >= 0)
			close(relay.port[i].fd);
	}
	loop_fd_remove(relay.timer_handle);
	if (relay.timer >= 0)
		close(relay.timer);
	loop_destroy(relay.loop);
	path_destroy(relay.path[DOWN]);
	path_destroy(relay.path[UP]);
	free(relay.packet);
	relay_count_finish(&relay.count);
}

static int parse(int argc, char **argv)
{
	static const struct option longs[] = {{"listen", 1, NULL, 'l'},
					      {"to", 1, NULL, 't'},
					      {"base", 1, NULL, 'b'},
					      {"spec", 1, NULL, 's'},
					      {"seed", 1, NULL, 'n'},
					      {"log", 1, NULL, 'o'},
					      {0}};
	int64_t number = 0;
	int c;

	relay.listen = "127.0.0.2";
	relay.target = "127.0.0.1";
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'l') {
			relay.listen = optarg;
		} else if (c == 't') {
			relay.target = optarg;
		} else if (c == 's') {
			relay.spec = optarg;
		} else if (c == 'b' && !str_to_i64(optarg, strlen(optarg), 1029, 65514, &number)) {
			relay.base = (uint16_t)number;
		} else if (c == 'n' && !str_to_i64(optarg, strlen(optarg), 0, INT64_MAX / DIRS, &number)) {
			relay.seed = (uint64_t)number;
		} else if (c != 'o' || relay_count_log(&relay.count, optarg)) {
			return -EINVAL;
		}
	}
	return relay.spec && relay.base && optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	int err;

	if (parse(argc, argv)) {
		fprintf(stderr,
			"usage: netlab-relay --base PORT --spec FILE [--listen ADDRESS] [--to ADDRESS] [--seed N] "
			"[--log FILE]\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_TIMERSLACK, 1);
	sched_setscheduler(0, SCHED_RR,
			   &(struct sched_param){.sched_priority = 1}); /* where allowed: delivers on time */
	err = read_spec();
	if (err)
		return 2;
	err = start();
	if (!err) {
		puts("ready");
		fflush(stdout);
		err = loop_run(relay.loop);
		relay_count_print(&relay.count, relay.path);
	} else {
		fprintf(stderr, "netlab-relay: %s\n", strerror(-err));
	}
	stop();
	return err ? 1 : 0;
}
