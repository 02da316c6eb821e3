/* SPDX-License-Identifier: MIT */
/*
 * The broker under load, and the requests on their way to it. See the header.
 */
#include "tests/load/load.h"

int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* `WINDOW` at a time; an answer finds its team by its request. */
static void make_teams(struct load *load)
{
    struct fixture *fixture = &load->fixture;
    uint64_t first = fixture->next_request + 1;
    size_t n_sent = 0;

    for (size_t n_made = 0; n_made < load->n_teams; n_made++) {
        struct wire_message answer = {0};
        for (; n_sent < load->n_teams && n_sent - n_made < WINDOW; n_sent++) {
            struct wire_message request = {.type = WIRE_TEAM_PUT};
            char name[64];
            snprintf(name, sizeof(name), "owls of the wood %zu", n_sent);
            request.team_put.token = wire_text(fixture->organizer);
            request.team_put.competition = wire_text("load");
            request.team_put.name = wire_text(name);
            request.team_put.members = wire_text("ada,grace");
            fixture_send(fixture, fixture->gateway, &request);
        }
        for (int i = 0; i < 30 && !fixture_receive(fixture->gateway, &answer); i++) {
        }
        if (answer.type != WIRE_TEAM_MADE) {
            fixture_fail("the team was not made");
        }
        wire_text_copy(load->tokens[answer.request_id - first], TOKEN_SIZE, answer.team_made.token);
    }
}

void load_open(struct load *load, size_t n_teams)
{
    static const char yaml[] = "competition: load\ntask: classification\nmetric: top1_accuracy\n"
                               "submission: {format: topk, k: 1}\nlimits: {per_day: 1000000}\n";

    load->n_teams = n_teams;
    fixture_open(&load->fixture, 600000);
    fixture_make_competition(&load->fixture, yaml);
    load->tokens = calloc(n_teams, sizeof(load->tokens[0]));
    if (load->tokens == NULL) {
        fixture_fail("no memory for tokens");
    }
    make_teams(load);
}

void load_close(struct load *load)
{
    fixture_stop(&load->fixture, SIGTERM);
    fixture_close(&load->fixture);
    free(load->tokens);
}

/* A file below /proc/PID of the broker. */
static FILE *open_proc(const struct load *load, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)load->fixture.pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fixture_fail(path);
    }
    return file;
}

int64_t load_cpu_us(const struct load *load)
{
    long long user = 0;
    long long kernel = 0;
    FILE *file = open_proc(load, "stat");

    if (fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %lld %lld", &user,
               &kernel) != 2) {
        fixture_fail("no processor time");
    }
    fclose(file);
    return (user + kernel) * 1000000 / sysconf(_SC_CLK_TCK);
}

int64_t load_memory_kib(const struct load *load)
{
    long long pages = 0;
    FILE *file = open_proc(load, "statm");

    if (fscanf(file, "%*d %lld", &pages) != 1) {
        fixture_fail("no memory");
    }
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

int64_t percentile(int64_t *values, size_t n_values, size_t p)
{
    if (n_values == 0) {
        return 0;
    }
    qsort(values, n_values, sizeof(values[0]), compare);
    return values[(n_values - 1) * p / 100];
}

void print_flight(const char *what, struct flight *flight, int64_t took_us)
{
    printf("%-12s %8zu  %9.0f/s   p50 %.2f ms   p99 %.2f ms\n", what, flight->n_answered,
           1e6 * (double)flight->n_answered / (double)took_us,
           1e-3 * (double)percentile(flight->latencies_us, flight->n_answered, 50),
           1e-3 * (double)percentile(flight->latencies_us, flight->n_answered, 99));
}

void land(struct flight *flight, struct channel *channel, size_t window, enum wire_type expected,
          struct wire_message *answer)
{
    bool is_there = false;

    for (int i = 0; i < 30 && !is_there; i++) {
        is_there = fixture_receive(channel, answer);
    }
    if (!is_there || answer->type != expected) {
        fixture_fail(is_there ? "not the expected answer" : "no answer");
    }
    size_t place = (size_t)(answer->request_id - flight->first_request) % window;
    flight->latencies_us[flight->n_answered++] = now_us() - flight->sent_us[place];
}

void submit_range(struct load *load, const char *what, size_t first, size_t end, size_t window)
{
    struct flight flight = {.latencies_us = calloc(end - first, sizeof(int64_t)),
                            .first_request = load->fixture.next_request + 1};
    struct wire_message answer;
    int64_t start_us = now_us();

    while (flight.n_answered < end - first) {
        while (flight.n_sent < end - first && flight.n_sent - flight.n_answered < window) {
            uint64_t number = first + flight.n_sent;
            struct wire_message request =
                fixture_submission("load", load->tokens[number % load->n_teams], number, number);
            take_off(load, &flight, load->fixture.gateway, window, &request);
        }
        land(&flight, load->fixture.gateway, window, WIRE_SUBMIT_ACCEPTED, &answer);
    }
    print_flight(what, &flight, now_us() - start_us);
    free(flight.latencies_us);
}
