/* detect.c: find objects and say what they are, in two ways.

       cc -O2 -fopenmp examples/detect.c -o detect
       ./detect

   Scenes of 64 x 64 pixels with discs, squares and triangles are drawn by code.
   Two stages (Girshick et al. 2014, Girshick 2015, Ren et al. 2015): a convolutional trunk; a region proposal network on it, which
   scores and moves 9 anchors at each place; RoI align cuts out the features of the best proposals; a head gives each its class
   and a better box.  The proposals of selective search (Uijlings et al. 2013) are measured beside those that are learned.
   One stage (Redmon et al. 2016): a grid of 8 x 8 cells; each predicts at once whether an object has its centre there, what it
   is and how large.
   Both are measured by average precision at an overlap of 0.5. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: detect [options]\n"
    "  --epochs N     rounds of 50 batches, 12\n"
    "  --out DIR      where the picture goes, scenes with what was found framed; the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        fewer rounds and scenes: a test of the program\n";

enum { SIDE = 64, STRIDE = 8, GRID = SIDE / STRIDE, CLASSES = 3, MAX_OBJECTS = 3, BATCH = 8, PROPOSALS = 24, BOXES = 2 };

/* --- scenes: a function of the number of the picture alone ------------------------------------------------- */
typedef struct { uint32_t picture, draw; } dice;
static double roll(dice *d, double low, double high)
{
    uint32_t counter[4] = {0, 0, 0, 5}, key[2] = {2, 0}, out[4];
    counter[0] = d->draw++;
    counter[1] = d->picture;
    dl_philox(counter, key, out);
    return low + (high - low) * (out[0] / 4294967296.0);
}

typedef struct { int kind; float box[4]; } object;

/* Draws up to MAX_OBJECTS objects that do not touch; how many. */
static int draw_scene(float *image, object *objects, uint32_t picture)
{
    dice d = {0, 0};
    int n = 0, wanted;
    double ground[3];
    d.picture = picture;
    wanted = 1 + (int)roll(&d, 0, MAX_OBJECTS);
    for (int k = 0; k < 3; k++) ground[k] = roll(&d, .2, .8);
    for (int i = 0; i < 3 * SIDE * SIDE; i++) image[i] = (float)(ground[i / (SIDE * SIDE)] + roll(&d, -.06, .06));
    for (int tries = 0; n < wanted && tries < 20; tries++) {
        int kind = (int)roll(&d, 0, CLASSES), clear = 1;
        double rx = roll(&d, 6, 13), ry = rx * roll(&d, .8, 1.25), cx = roll(&d, rx, SIDE - rx), cy = roll(&d, ry, SIDE - ry);
        double colour[3], far = 0;
        for (int k = 0; k < 3; k++) {
            colour[k] = roll(&d, 0, 1);
            far += (colour[k] - ground[k]) * (colour[k] - ground[k]);
        }
        object o;
        o.kind = kind;
        o.box[0] = (float)(cx - rx); o.box[1] = (float)(cy - ry); o.box[2] = (float)(cx + rx); o.box[3] = (float)(cy + ry);
        for (int i = 0; i < n; i++)
            clear &= o.box[2] < objects[i].box[0] || o.box[0] > objects[i].box[2] ||
                     o.box[3] < objects[i].box[1] || o.box[1] > objects[i].box[3];
        if (!clear || far < .15) continue;                           /* another place or colour */
        objects[n++] = o;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double u = (x + .5 - cx) / rx, v = (y + .5 - cy) / ry, w = u < 0 ? -u : u;
                int in = kind == 0 ? u * u + v * v < 1 : kind == 1 ? w < 1 && v > -1 && v < 1 : v > -1 && v < 1 && w < (v + 1) / 2;
                if (in) for (int k = 0; k < 3; k++) image[(k * SIDE + y) * SIDE + x] = (float)(colour[k] + roll(&d, -.06, .06));
            }
    }
    return n;
}

/* n scenes (n, 3, SIDE, SIDE), and their objects as rows (scene, class, x1, y1, x2, y2), boxes divided by `unit` */
static dl_tensor *draw_scenes(dl_ctx *c, int n, uint32_t first, float unit, dl_tensor **truth)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(n, 3, SIDE, SIDE)), *rows = dl_zeros(c, DL_SHAPE(n * MAX_OBJECTS, 6));
    int total = 0;
    for (int i = 0; i < n && !dl_error(c); i++) {
        object objects[MAX_OBJECTS];
        int found = draw_scene(x->data + i * 3 * SIDE * SIDE, objects, first + (uint32_t)i);
        for (int j = 0; j < found; j++) {
            float *row = rows->data + 6 * total++;
            row[0] = (float)i;
            row[1] = (float)objects[j].kind;
            for (int k = 0; k < 4; k++) row[2 + k] = objects[j].box[k] / unit;
        }
    }
    *truth = dl_slice(c, rows, 0, 0, total);
    return x;
}

/* The boxes of one scene, (m, 4), and where they begin among all. */
static dl_tensor *truth_of(dl_ctx *c, dl_tensor *truth, int scene, int *first)
{
    int end;
    for (*first = 0; (int)truth->data[6 * *first] != scene; (*first)++) {}
    for (end = *first; end < (int)truth->shape[0] && (int)truth->data[6 * end] == scene; end++) {}
    return dl_slice(c, dl_slice(c, truth, 0, *first, end), 1, 2, 6);
}

/* --- the networks ---------------------------------------------------------------------------------------------- */
static dl_module *stage(dl_ctx *c, int in, int out)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, in, out, 3, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, out), dl_nn_relu(c),
                            dl_nn_max_pool2d(c, 2));
}
/* (N, 3, 64, 64) -> (N, width, 8, 8) */
static dl_module *make_trunk(dl_ctx *c, int width)
{
    return dl_nn_sequential(c, stage(c, 3, 16), stage(c, 16, 32), stage(c, 32, width),
                            dl_nn_conv2d(c, width, width, 3, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, width), dl_nn_relu(c));
}

enum { ANCHORS = 9, WIDTH = 48, BIN = 4 };
typedef struct { dl_module base; dl_module *trunk, *rpn, *objectness, *deltas, *head, *classes, *boxes; } two_stages;
static const dl_module_type two_stages_type = { "two_stages", sizeof(two_stages), NULL };

static two_stages *make_two_stages(dl_ctx *c)
{
    two_stages *m = (two_stages *)dl_module_create(c, &two_stages_type);
    dl_module *rpn = dl_nn_sequential(c, dl_nn_conv2d(c, WIDTH, WIDTH, 3, .padding = 1), dl_nn_relu(c));
    dl_module *head = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, WIDTH * BIN * BIN, 96), dl_nn_relu(c));
    m->trunk      = dl_module_add(c, &m->base, "trunk", make_trunk(c, WIDTH));
    m->rpn        = dl_module_add(c, &m->base, "rpn", rpn);
    m->objectness = dl_module_add(c, &m->base, "objectness", dl_nn_conv2d(c, WIDTH, ANCHORS, 1));
    m->deltas     = dl_module_add(c, &m->base, "deltas", dl_nn_conv2d(c, WIDTH, 4 * ANCHORS, 1));
    m->head       = dl_module_add(c, &m->base, "head", head);
    m->classes    = dl_module_add(c, &m->base, "classes", dl_nn_linear(c, 96, CLASSES + 1));          /* the last: nothing */
    m->boxes      = dl_module_add(c, &m->base, "boxes", dl_nn_linear(c, 96, 4));
    return m;
}

static dl_tensor *make_anchors(dl_ctx *c)                             /* around the middle of each place */
{
    return dl_anchors(c, GRID, GRID, .sizes = {12, 18, 26}, .ratios = {.7f, 1, 1.4f}, .stride = STRIDE, .offset = .5f);
}

/* Scores (A) and deltas (A, 4) of the anchors of one scene, from maps (N, 9 k, 8, 8): places first, then anchors. */
static dl_tensor *of_scene(dl_ctx *c, dl_tensor *maps, int scene, int k)
{
    dl_tensor *x = dl_slice(c, maps, 0, scene, scene + 1);
    x = dl_permute(c, dl_reshape(c, x, DL_SHAPE(ANCHORS, k, GRID * GRID)), DL_ORDER(2, 0, 1));
    return dl_reshape(c, x, DL_SHAPE(-1, k));
}

/* The best proposals of a scene: anchors moved by their deltas, within the picture, without near-duplicates. */
static dl_tensor *propose(dl_ctx *c, dl_tensor *scores, dl_tensor *deltas, dl_tensor *anchors)
{
    dl_tensor *boxes = dl_box_clip(c, dl_box_decode(c, dl_detach(c, deltas), anchors), SIDE, SIDE), *keep;
    dl_tensor *whole = dl_box_clip(c, anchors, SIDE, SIDE);
    for (int64_t i = 0; i < boxes->size; i += 4)                     /* what has shrunk to nothing is its anchor again */
        if (boxes->data[i + 2] < boxes->data[i] + 2 || boxes->data[i + 3] < boxes->data[i + 1] + 2)
            memcpy(boxes->data + i, whole->data + i, 4 * sizeof(float));
    keep = dl_nms(c, boxes, dl_detach(c, scores), 0.7);
    if (keep->size > PROPOSALS) keep = dl_slice(c, keep, 0, 0, PROPOSALS);
    return dl_index_select(c, boxes, 0, keep);
}

/* Boxes (K, 4) of a scene as regions (K, 5) */
static dl_tensor *as_regions(dl_ctx *c, dl_tensor *boxes, int scene)
{
    dl_tensor *both[2];
    both[0] = dl_full(c, DL_SHAPE(boxes->shape[0], 1), (float)scene);
    both[1] = boxes;
    return dl_cat(c, 2, both, 1);
}

/* What the head says of regions: class logits (K, CLASSES + 1) and deltas (K, 4), in tenths and fifths */
static dl_tensor *run_head(dl_ctx *c, two_stages *m, dl_tensor *features, dl_tensor *regions, dl_tensor **deltas)
{
    dl_tensor *x = dl_roi_align(c, features, regions, BIN, BIN, .spatial_scale = 1.0f / STRIDE, .sampling_ratio = 2, .aligned = 1);
    x = dl_forward(c, m->head, x);
    *deltas = dl_forward(c, m->boxes, x);
    return dl_forward(c, m->classes, x);
}
#define HEAD_WEIGHTS .weights = {10, 10, 5, 5}

static dl_tensor *two_stage_loss(dl_ctx *c, two_stages *m, dl_tensor *x, dl_tensor *truth, dl_tensor *anchors)
{
    dl_tensor *features = dl_forward(c, m->trunk, x), *hidden = dl_forward(c, m->rpn, features);
    dl_tensor *scores = dl_forward(c, m->objectness, hidden), *deltas = dl_forward(c, m->deltas, hidden);
    dl_tensor *loss = NULL, *regions[BATCH], *targets[BATCH], *all, *logits, *moves, *label, *l, *weight;
    int64_t total = 0, matched = 0;
    int n = (int)x->shape[0];
    label = dl_to_int(c, dl_zeros(c, DL_SHAPE(n * (PROPOSALS + MAX_OBJECTS))));
    weight = dl_zeros(c, DL_SHAPE(n * (PROPOSALS + MAX_OBJECTS), 1));
    for (int i = 0; i < n && !dl_error(c); i++) {
        int first;
        dl_tensor *boxes = truth_of(c, truth, i, &first), *s = of_scene(c, scores, i, 1), *d = of_scene(c, deltas, i, 4);
        dl_tensor *pair[2], *match, *belongs;
        l = dl_rpn_loss(c, s, d, anchors, boxes, .high = .6f, .low = .3f, .samples = 64);
        loss = loss ? dl_add(c, loss, l) : l;
        pair[0] = propose(c, s, d, anchors);                         /* the head also learns from the truth itself */
        pair[1] = boxes;
        pair[0] = dl_cat(c, 2, pair, 0);
        match = dl_box_match(c, pair[0], boxes);
        if (dl_error(c)) break;
        belongs = dl_to_int(c, dl_zeros(c, DL_SHAPE(match->size)));
        for (int64_t k = 0; k < match->size; k++, total++) {
            int hit = match->idata[k] >= 0;
            belongs->idata[k] = hit ? match->idata[k] : 0;
            label->idata[total] = hit ? (int32_t)truth->data[6 * (first + match->idata[k]) + 1] : CLASSES;
            weight->data[total] = (float)hit;
            matched += hit;
        }
        regions[i] = as_regions(c, pair[0], i);
        targets[i] = dl_box_encode(c, dl_index_select(c, boxes, 0, belongs), pair[0], HEAD_WEIGHTS);
    }
    if (dl_error(c)) return loss;
    all = dl_cat(c, n, regions, 0);
    logits = run_head(c, m, features, all, &moves);
    l = dl_smooth_l1_loss(c, moves, dl_cat(c, n, targets, 0), .reduction = DL_NONE);
    l = dl_div_scalar(c, dl_sum(c, dl_mul(c, l, dl_slice(c, weight, 0, 0, total))), (float)(matched + 1));
    l = dl_add(c, l, dl_cross_entropy(c, logits, dl_slice(c, label, 0, 0, total)));
    return dl_add(c, dl_div_scalar(c, loss, (float)n), l);
}

/* Detections in all scenes, and how many objects the proposals cover. */
static dl_tensor *two_stage_detect(dl_ctx *c, two_stages *m, dl_tensor *x, dl_tensor *truth, dl_tensor *anchors, double *recall)
{
    dl_tensor *features = dl_forward(c, m->trunk, x), *hidden = dl_forward(c, m->rpn, features);
    dl_tensor *scores = dl_forward(c, m->objectness, hidden), *deltas = dl_forward(c, m->deltas, hidden), *rows;
    int64_t total = 0, n = x->shape[0];
    int covered = 0;
    rows = dl_zeros(c, DL_SHAPE(n * PROPOSALS * CLASSES, 7));
    for (int i = 0; i < n && !dl_error(c); i++) {
        int first;
        dl_tensor *boxes = propose(c, of_scene(c, scores, i, 1), of_scene(c, deltas, i, 4), anchors), *moves, *p, *best;
        best = dl_max(c, dl_box_iou(c, truth_of(c, truth, i, &first), boxes), .dims = DL_DIM(1));
        for (int k = 0; k < best->size; k++) covered += best->data[k] >= .5f;
        p = dl_softmax(c, run_head(c, m, features, as_regions(c, boxes, i), &moves), 1);
        boxes = dl_box_clip(c, dl_box_decode(c, moves, boxes, HEAD_WEIGHTS), SIDE, SIDE);
        for (int k = 0; k < boxes->shape[0] && !dl_error(c); k++)
            for (int j = 0; j < CLASSES; j++) {
                float *row = rows->data + 7 * total++;
                row[0] = (float)i;
                row[1] = (float)j;
                row[2] = p->data[k * (CLASSES + 1) + j];
                memcpy(row + 3, boxes->data + 4 * k, 4 * sizeof *row);
            }
    }
    *recall = (double)covered / (double)truth->shape[0];
    return dl_detections_nms(c, total ? dl_slice(c, rows, 0, 0, total) : NULL, 0.3, .min_score = .05f);
}

/* One stage: (N, 3, 64, 64) -> (N, 8, 8, 5 BOXES + CLASSES) */
static dl_module *make_grid(dl_ctx *c)
{
    return dl_nn_sequential(c, make_trunk(c, 64), dl_nn_conv2d(c, 64, 64, 3, .padding = 1), dl_nn_relu(c),
                            dl_nn_conv2d(c, 64, 5 * BOXES + CLASSES, 1));
}
static dl_tensor *run_grid(dl_ctx *c, dl_module *net, dl_tensor *x)
{
    return dl_permute(c, dl_forward(c, net, x), DL_ORDER(0, 2, 3, 1));
}

/* --- the program ------------------------------------------------------------------------------------------------- */
static uint32_t seed = 1;

static void train(dl_ctx *c, const char *name, two_stages *two, dl_module *grid, int rounds)
{
    dl_module *net = two ? &two->base : grid;
    dl_optim *opt = dl_optim_adam(c, net, .lr = 2e-3f);
    uint32_t next = (1 + (seed - 1) % 4000) * 1000000;              /* whatever the seed: not 0 to 199, the test scenes */
    printf("%s: %d parameters\n", name, (int)dl_param_count(net));
    for (int round = 0; round < rounds && !dl_error(c); round++) {
        double sum = 0;
        dl_optim_set_lr(opt, 2e-3f * (float)(rounds - round) / (float)rounds);
        for (int step = 0; step < 50 && !dl_error(c); step++, next += BATCH) {
            dl_tensor *truth, *x, *loss;
            dl_step_begin(c);
            x = draw_scenes(c, BATCH, next, two ? 1 : SIDE, &truth);
            if (two) loss = two_stage_loss(c, two, x, truth, make_anchors(c));
            else loss = dl_yolo_loss(c, run_grid(c, grid, x), truth, .boxes = BOXES);
            dl_backward(c, loss);
            dl_clip_grad_norm(c, net, 10);
            dl_optim_step(c, opt);
            sum += dl_item(loss);
        }
        printf("  round %2d: loss %.4f\n", round + 1, sum / 50);
    }
}

static void frame(float *image, const float *box, int kind)
{
    for (int k = 0; k < 3; k++) {
        float *plane = image + k * SIDE * SIDE, value = k == kind;
        int x1 = (int)box[0], y1 = (int)box[1], x2 = (int)box[2], y2 = (int)box[3];
        if (x1 < 0) x1 = 0;
        if (y1 < 0) y1 = 0;
        if (x2 > SIDE - 1) x2 = SIDE - 1;
        if (y2 > SIDE - 1) y2 = SIDE - 1;
        for (int x = x1; x <= x2; x++) plane[y1 * SIDE + x] = plane[y2 * SIDE + x] = value;
        for (int y = y1; y <= y2; y++) plane[y * SIDE + x1] = plane[y * SIDE + x2] = value;
    }
}

int main(int argc, char **argv)
{
    const char *out = ".";
    char path[512];
    int epochs = 0, threads = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = (uint32_t)atoi(value), i++;
        else return fprintf(stderr, "detect: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 2 : 12;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                                /* lines as they come, in a pipe too */
    int tests = quick ? 40 : 200;
    double goal = quick ? .2 : .8, ap[2], recall, searched = 0;

    dl_ctx *c = dl_create(.seed = seed, .threads = threads);
    two_stages *two = make_two_stages(c);
    dl_module *grid = make_grid(c);
    train(c, "two stages", two, NULL, epochs);
    train(c, "one stage", NULL, grid, epochs);
    if (dl_error(c)) { fprintf(stderr, "detect: %s\n", dl_error(c)); return 1; }

    dl_set_training(c, 0);
    dl_set_grad_enabled(c, 0);
    dl_step_begin(c);
    dl_tensor *truth, *x = draw_scenes(c, tests, 0, 1, &truth), *found[2], *pred;
    found[0] = two_stage_detect(c, two, x, truth, make_anchors(c), &recall);
    pred = dl_yolo_decode(c, run_grid(c, grid, x), .boxes = BOXES);
    for (int64_t i = 0; i < pred->size; i++) if (i % 7 > 2) pred->data[i] *= SIDE;               /* to pixels */
    found[1] = dl_detections_nms(c, pred, 0.3, .min_score = .05f);

    int sample = tests < 40 ? tests : 40, first, covered = 0, objects = 0;
    double regions = 0;
    for (int i = 0; i < sample && !dl_error(c); i++) {               /* selective search on some of the scenes */
        dl_tensor *boxes = truth_of(c, truth, i, &first), *proposals, *best;
        proposals = dl_region_proposals(c, dl_reshape(c, dl_slice(c, x, 0, i, i + 1), DL_SHAPE(3, SIDE, SIDE)), .scale = 1);
        best = dl_max(c, dl_box_iou(c, boxes, proposals), .dims = DL_DIM(1));
        for (int k = 0; k < best->size; k++) covered += best->data[k] >= .5f;
        objects += (int)best->size;
        regions += (double)proposals->shape[0] / sample;
    }
    if (objects) searched = (double)covered / objects;
    printf("selective search: %.0f regions a scene cover %.3f of the objects, expected more than 0.8\n", regions, searched);
    printf("proposal network: at most %d regions a scene cover %.3f, expected more than %.1f\n", PROPOSALS, recall, quick ? .5 : .9);
    for (int n = 0; n < 2; n++) {
        ap[n] = dl_metric_ap(c, found[n], truth);
        printf("%-11s average precision %.4f, expected more than %.1f\n", n ? "one stage:" : "two stages:", ap[n], goal);
    }
    for (int64_t i = 0; found[0] && i < found[0]->shape[0]; i++) {   /* the picture shows what two stages found */
        const float *row = found[0]->data + 7 * i;
        if (row[2] > .5f && row[0] < 16) frame(x->data + (int)row[0] * 3 * SIDE * SIDE, row + 3, (int)row[1]);
    }
    if (dl_error(c)) { fprintf(stderr, "detect: %s\n", dl_error(c)); return 1; }
    snprintf(path, sizeof path, "%s/detect.ppm", out);
    int written = dl_image_save_grid(c, dl_slice(c, x, 0, 0, 16), path, .nrow = 4);
    if (written) printf("wrote %s: what two stages found, scores above .5; discs red, squares green, triangles blue\n", path);
    else printf("no picture: %s\n", dl_error(c));
    dl_destroy(c);
    return written && ap[0] > goal && ap[1] > goal && searched > .8 && recall > (quick ? .5 : .9) ? 0 : 1;
}
