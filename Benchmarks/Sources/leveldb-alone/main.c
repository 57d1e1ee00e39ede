/* LevelDB without a server: synced batches of new random keys, and how long each batch took.
 *
 * Usage: leveldb-alone DIRECTORY KEYS VALUE-BYTES BATCH
 * Prints one line: puts a second, then p50, p99, p99.9 and worst of the batches in ms, and the number of errors (0). */

#include <leveldb/c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static uint64_t state = 1;
static uint64_t next_random(void) { /* xorshift64* (Vigna, 2016) */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(char *error) {
    if (!error) return;
    fprintf(stderr, "leveldb-alone: %s\n", error);
    exit(1);
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: leveldb-alone DIRECTORY KEYS VALUE-BYTES BATCH\n");
        return 2;
    }
    size_t keys = strtoul(arguments[2], NULL, 10), value_bytes = strtoul(arguments[3], NULL, 10);
    size_t batch_size = strtoul(arguments[4], NULL, 10);
    if (!keys || !value_bytes || !batch_size) return 2;

    char *error = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_options_set_create_if_missing(options, 1);
    leveldb_options_set_compression(options, leveldb_no_compression);
    leveldb_options_set_filter_policy(options, leveldb_filterpolicy_create_bloom(10));
    leveldb_options_set_write_buffer_size(options, 64u << 20);
    leveldb_options_set_max_file_size(options, 16u << 20);
    leveldb_t *store = leveldb_open(options, arguments[1], &error);
    check(error);
    leveldb_writeoptions_t *synced = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(synced, 1);

    size_t batches = (keys + batch_size - 1) / batch_size;
    double *times = malloc(batches * sizeof *times);
    char *value = malloc(value_bytes);
    leveldb_writebatch_t *batch = leveldb_writebatch_create();
    if (!times || !value) return 1;
    double start = now_ms();
    for (size_t b = 0, written = 0; b < batches; b++) {
        double begun = now_ms();
        leveldb_writebatch_clear(batch);
        for (size_t i = 0; i < batch_size && written < keys; i++, written++) {
            uint64_t key[5] = {next_random(), next_random(), next_random(), written, 0};
            for (size_t at = 0; at + 8 <= value_bytes; at += 8) {
                uint64_t word = next_random();
                memcpy(value + at, &word, 8);
            }
            leveldb_writebatch_put(batch, (const char *)key, sizeof key, value, value_bytes);
        }
        leveldb_write(store, synced, batch, &error);
        check(error);
        times[b] = now_ms() - begun;
    }
    double took = now_ms() - start;
    leveldb_close(store);
    qsort(times, batches, sizeof *times, ascending);
    printf("%.1f %.3f %.3f %.3f %.3f 0\n", keys * 1e3 / took, times[batches / 2], times[batches * 99 / 100],
           times[batches * 999 / 1000], times[batches - 1]);
    return 0;
}
