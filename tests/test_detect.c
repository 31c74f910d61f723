/* build: float double asan */
/* Detection and segmentation: against PyTorch (gen_detect.py), gradients against differences, bad input, metrics, and rows
   DET-* of the curriculum. */
#include "dl.h"
#include "test.h"

static dl_ctx *c;

#define S1 DL_SHAPE(1)
#define FROM(shape, ...) dl_tensor_from(c, (const dl_real[]){__VA_ARGS__}, shape)
#define INTS(shape, ...) dl_tensor_from_int(c, (const int32_t[]){__VA_ARGS__}, shape)

static dl_tensor *scene(void)
{
    return FROM(DL_SHAPE(4, 6), 0, 1, 0.1, 0.2, 0.5, 0.9, 0, 0, 0.6, 0.1, 0.9, 0.3, 1, 2, 0, 0, 0.3, 0.3, 1, 1, 0.05, 0, 0.3,
                0.35);
}

#include "golden_detect.h"
/* yolo_loss: the iou that confidence aims at is a constant */
#define NO_DIFFERENCES(text) (strstr(text, "yolo") != NULL)
#define UNUSED(text, i)      (!strncmp(text, "box_clip", 8) && (i) == 0)
#define MAY_BE_NULL(text, i) (!strncmp(text, "rpn_loss", 8) && (i) == 3)
#define MAY_BE_INT(text, i)  0
#define ANY_SHAPE(text, i)   (!strncmp(text, "sliding_window", 14))
#include "cases.h"

#ifdef DL_DOUBLE
#define NEAR(a, b) CHECK_NEAR(a, b, 1e-9)
#else
#define NEAR(a, b) CHECK_NEAR(a, b, 2e-6 * (1 + fabs((double)(b))))
#endif

/* --- bad input -------------------------------------------------------------------------------------------------------------- */
#define BAD(expr, part) do { dl_step_begin(c); CHECK(dl_is_nil(expr)); CHECK_ERROR(c, part); } while (0)
#define BOXES FROM(DL_SHAPE(2, 4), 0, 0, 2, 2, 1, 1, 3, 3)
#define MAP   dl_ones(c, DL_SHAPE(1, 1, 4, 4))
#define DETS  FROM(DL_SHAPE(1, 7), 0, 0, 0.5, 0, 0, 1, 1)
#define TRUTH FROM(DL_SHAPE(1, 6), 0, 0, 0, 0, 1, 1)
static void bad_numbers(void)
{
    const dl_real nan = (dl_real)NAN;
    BAD(dl_box_iou(c, BOXES, dl_ones(c, DL_SHAPE(2, 5))), "box_iou: b (2,5), expected (N, 4)");
    BAD(dl_box_giou(c, dl_ones(c, DL_SHAPE(4)), BOXES), "box_giou: a (4)");
    BAD(dl_box_area(c, dl_ones(c, DL_SHAPE(4))), "box_area: boxes (4)");
    BAD(dl_box_convert(c, BOXES, DL_XYXY, (dl_box_format)9), "box_convert: from format 0 to 9, expected DL_XYXY, DL_XYWH or DL_CXCYWH");
    BAD(dl_box_clip(c, BOXES, 0, 5), "box_clip: height is 0, expected a positive number");
    BAD(dl_giou_loss(c, BOXES, dl_ones(c, DL_SHAPE(3, 4))), "giou_loss: x (2,4) with target (3,4)");
    BAD(dl_box_encode(c, BOXES, dl_ones(c, DL_SHAPE(2, 4))), "box_encode: anchor 0 has no area");
    BAD(dl_box_encode(c, BOXES, BOXES, .weights = {-1}), "box_encode: a weight is -1, expected 0 or more");
    BAD(dl_box_decode(c, BOXES, dl_ones(c, DL_SHAPE(3, 4))), "box_decode: deltas (2,4) with anchors (3,4)");
    BAD(dl_anchors(c, 0, 4), "anchors: axis 0 has size 0");
    BAD(dl_anchors(c, INT64_MAX, 4), "anchors: axis 0 of size");
    BAD(dl_anchors(c, 4, 4, .sizes = {-8}), "anchors: a size is -8, expected a positive number");
    BAD(dl_anchors(c, 4, 4, .ratios = {nan}), "anchors: a ratio is nan");
    BAD(dl_anchors(c, 4, 4, .stride = -1), "anchors: stride is -1");
    BAD(dl_box_match(c, BOXES, BOXES, .high = (dl_real)0.25, .low = (dl_real)0.5), "box_match: low 0.5 and high 0.25");
    BAD(dl_box_match(c, BOXES, BOXES, .high = nan), "box_match: low nan");
    BAD(dl_nms(c, BOXES, dl_ones(c, DL_SHAPE(3)), 0.5), "nms: boxes (2,4) with scores (3)");
    BAD(dl_nms(c, BOXES, dl_ones(c, DL_SHAPE(2)), 1.5), "nms: iou threshold is 1.5, expected 0 to 1");
    BAD(dl_nms(c, BOXES, dl_ones(c, DL_SHAPE(2)), 0.5, .classes = INTS(S1, 0)), "nms: boxes (2,4) with classes (1)");
    BAD(dl_nms(c, BOXES, dl_ones(c, DL_SHAPE(2)), 0.5, .classes = dl_ones(c, DL_SHAPE(2))), "nms: classes (2) holds reals");
    BAD(dl_region_proposals(c, dl_ones(c, DL_SHAPE(4, 4))), "region_proposals: (4,4), expected (C, H, W)");
    BAD(dl_region_proposals(c, dl_ones(c, DL_SHAPE(65, 4, 4))), "region_proposals: 65 channels of (65,4,4), expected 64 at most");
    BAD(dl_region_proposals(c, dl_ones(c, DL_SHAPE(1, 4, 4)), .scale = -1), "region_proposals: scale -1");
    BAD(dl_region_proposals(c, dl_rand(c, DL_SHAPE(1, 64, 64)), .scale = (dl_real)1e-6, .min_size = 1), "segments, at most");
    BAD(dl_sliding_window(c, MAP, 5), "sliding_window: a window of size 5 on (1,1,4,4), expected 1 to the smaller of its height and width");
    BAD(dl_sliding_window(c, MAP, 0), "sliding_window: a window of size 0");
    BAD(dl_sliding_window(c, MAP, 2, .stride = -1), "sliding_window: stride -1");
    BAD(dl_sliding_window(c, dl_ones(c, DL_SHAPE(4, 4)), 2), "sliding_window: (4,4)");
    BAD(dl_roi_align(c, MAP, FROM(DL_SHAPE(1, 5), 1, 0, 0, 2, 2), 2, 2), "roi_align: region 0 is of map 1 of (1,1,4,4)");
    BAD(dl_roi_pool(c, MAP, FROM(DL_SHAPE(1, 5), nan, 0, 0, 2, 2), 2, 2), "roi_pool: region 0 is of map nan");
    BAD(dl_roi_pool(c, MAP, FROM(DL_SHAPE(1, 5), 0, nan, 0, 2, 2), 2, 2), "roi_pool: coordinate nan of region 0");
    BAD(dl_roi_align(c, MAP, FROM(DL_SHAPE(1, 5), 0, 0, 0, 1e9, 2), 2, 2), "roi_align: coordinate");
    BAD(dl_roi_align(c, MAP, FROM(DL_SHAPE(1, 5), 0, 0, 0, 2, 2), 0, 2), "roi_align: to 0 x 2, expected positive numbers");
    BAD(dl_roi_align(c, MAP, FROM(DL_SHAPE(1, 5), 0, 0, 0, 2, 2), 2, 2, .sampling_ratio = -1),
        "roi_align: sampling_ratio is -1");
    BAD(dl_roi_align(c, MAP, FROM(DL_SHAPE(1, 5), 0, 0, 0, 2, 2), 2, 2, .spatial_scale = -1), "roi_align: spatial_scale is -1");
    BAD(dl_roi_align(c, dl_ones(c, DL_SHAPE(4, 4)), FROM(DL_SHAPE(1, 5), 0, 0, 0, 2, 2), 2, 2), "roi_align: (4,4)");
    BAD(dl_rpn_loss(c, dl_ones(c, DL_SHAPE(3)), BOXES, BOXES, BOXES), "rpn_loss: objectness (3)");
    BAD(dl_rpn_loss(c, dl_ones(c, DL_SHAPE(2)), BOXES, BOXES, BOXES, .samples = -1), "rpn_loss: -1 samples, expected a positive number");
    BAD(dl_yolo_loss(c, dl_ones(c, DL_SHAPE(1, 3, 4, 11)), NULL), "yolo_loss: (1,3,4,11), expected (N, S, S, 5 B + C)");
    BAD(dl_yolo_loss(c, dl_ones(c, DL_SHAPE(1, 3, 3, 10)), NULL), "yolo_loss: (1,3,3,10)");
    BAD(dl_yolo_loss(c, dl_ones(c, DL_SHAPE(1, 3, 3, 12)), scene()), "yolo_loss: true box 2 is of picture 1 and class 2");
    BAD(dl_yolo_loss(c, dl_ones(c, DL_SHAPE(1, 3, 3, 12)), FROM(DL_SHAPE(1, 6), 0, 0, 2, 2, 3, 3)),
        "yolo_loss: true box 0, (2, 2, 3, 3)");
    BAD(dl_yolo_loss(c, dl_ones(c, DL_SHAPE(1, 3, 3, 12)), TRUTH, .coord = -2), "yolo_loss: coord is -2, expected 0 or more");
    BAD(dl_yolo_decode(c, dl_ones(c, DL_SHAPE(1, 3, 3, 12)), .boxes = -3), "yolo_decode: -3 boxes a cell, expected a positive number");
    BAD(dl_detections_nms(c, dl_full(c, DL_SHAPE(1, 7), -1), 0.5, .min_score = -2), "detections_nms: picture -1, class -1, expected 0 to 65535 and 0 to 32767");
    BAD(dl_detections_nms(c, BOXES, 0.5), "detections_nms: detections (2,4), expected (N, 7)");
    BAD(dl_detections_nms(c, DETS, -1), "detections_nms: iou threshold is -1");
#define BAD_METRIC(expr, part) do { dl_step_begin(c); CHECK(isnan(expr)); CHECK_ERROR(c, part); } while (0)
    BAD_METRIC(dl_metric_ap(c, DETS, NULL), "metric_ap: truth is NULL");
    BAD_METRIC(dl_metric_ap(c, BOXES, TRUTH), "metric_ap: detections (2,4)");
    BAD_METRIC(dl_metric_ap(c, DETS, TRUTH, .iou = 2), "metric_ap: iou threshold is 2");
    BAD_METRIC(dl_metric_ap(c, dl_full(c, DL_SHAPE(1, 7), nan), TRUTH), "metric_ap: picture nan, class nan");
    BAD_METRIC(dl_metric_pixel_accuracy(c, INTS(DL_SHAPE(2), 0, 1), INTS(S1, 0)), "metric_pixel_accuracy: (2) with truth (1)");
    BAD_METRIC(dl_metric_pixel_accuracy(c, MAP, MAP), "metric_pixel_accuracy: pred (1,1,4,4) holds reals");
    BAD_METRIC(dl_metric_miou(c, INTS(S1, 2), INTS(S1, 0), 2),
               "metric_miou: pred (1) holds 2 at index 0, expected 0 to 1");
    BAD_METRIC(dl_metric_miou(c, INTS(S1, 0), INTS(S1, -1), 2), "metric_miou: truth (1) holds -1 at index 0, expected 0 to 1 or -100");
    BAD_METRIC(dl_metric_miou(c, INTS(S1, 0), INTS(S1, 0), 0), "metric_miou: classes is 0, expected at least 1");
    CHECK(dl_is_nil(dl_box_iou(NULL, NULL, NULL)) && dl_is_nil(dl_anchors(NULL, 2, 2)) &&
          dl_is_nil(dl_roi_align(NULL, NULL, NULL, 1, 1)));
    CHECK(isnan(dl_metric_ap(NULL, NULL, NULL)) && isnan(dl_metric_miou(NULL, NULL, NULL, 2)) &&
          isnan(dl_metric_pixel_accuracy(NULL, NULL, NULL)));
    CHECK(dl_is_nil(dl_region_proposals(NULL, NULL)) && dl_is_nil(dl_nms(NULL, NULL, NULL, 0.5)) &&
          dl_is_nil(dl_detections_nms(NULL, NULL, 0.5)));
}

/* --- what the cases do not show --------------------------------------------------------------------------------------- */

/* Drawn samples: as many as asked for, at most half matched, each gradient where a sample is. */
static void rpn_draws(void)
{
    dl_tensor *a, *o, *d, *t;
    int64_t i, used = 0, matched = 0;
    dl_step_begin(c);
    a = dl_anchors(c, 20, 20, .sizes = {16}, .ratios = {1}, .stride = 4);
    o = dl_requires_grad(c, dl_zeros(c, DL_SHAPE(400)), 1);
    d = dl_requires_grad(c, dl_ones(c, DL_SHAPE(400, 4)), 1);
    t = FROM(DL_SHAPE(2, 4), 10, 10, 26, 26, 40, 40, 56, 56);
    dl_backward(c, dl_rpn_loss(c, o, d, a, t, .high = (dl_real)0.3, .low = (dl_real)0.2, .samples = 16));
    for (i = 0; i < 400; i++) {
        used += o->grad[i] != 0;
        matched += o->grad[i] < 0;
        CHECK((o->grad[i] < 0) == (d->grad[4 * i + 2] != 0));
        if (o->grad[i] != 0) NEAR(fabs((double)o->grad[i]), 0.5 / 16);
    }
    CHECK(used == 16 && matched == 8);
    CHECK_OK(c);
}

/* A true box without area, which nothing can match, wherever it stands: bce of logit 0 is log 2, the matched anchor fits. */
static void box_without_area(void)
{
    int k;
    for (k = 0; k < 2; k++) {
        dl_tensor *anchors, *truth;
        dl_step_begin(c);
        anchors = FROM(DL_SHAPE(2, 4), 0, 0, 10, 10, 20, 20, 30, 30);
        truth = k ? FROM(DL_SHAPE(2, 4), 0, 0, 10, 10, 5, 5, 5, 9) : FROM(DL_SHAPE(2, 4), 5, 5, 5, 9, 0, 0, 10, 10);
        NEAR(dl_item(dl_rpn_loss(c, dl_zeros(c, DL_SHAPE(2)), dl_zeros(c, DL_SHAPE(2, 4)), anchors, truth)), log(2.0));
    }
    CHECK_OK(c);
}

/* NaN wins, as in max pooling, wherever it stands; proposals refuse it. */
static void not_a_number(void)
{
    const dl_real bad[] = {(dl_real)NAN, (dl_real)INFINITY, (dl_real)-INFINITY};
    int i, k;
    for (i = 0; i < 4; i++) {
        dl_tensor *x, *y;
        dl_step_begin(c);
        x = dl_ones(c, DL_SHAPE(1, 1, 2, 2));
        x->data[i] = bad[0];
        dl_requires_grad(c, x, 1);
        y = dl_roi_pool(c, x, FROM(DL_SHAPE(1, 5), 0, 0, 0, 1, 1), 1, 1);
        CHECK(isnan(y->data[0]));
        dl_backward(c, y);
        for (k = 0; k < 4; k++) CHECK(x->grad[k] == (k == i));
    }
    CHECK_OK(c);
    for (i = 0; i < 3; i++) {
        dl_tensor *x;
        dl_step_begin(c);
        x = dl_full(c, DL_SHAPE(1, 8, 8), (dl_real)0.5);
        x->data[27] = bad[i];
        CHECK(dl_is_nil(dl_region_proposals(c, x)));
        CHECK_ERROR(c, "region_proposals: pixels (2,3) and (3,3) differ by");
    }
}

/* Average precision, worked by hand.  5 true boxes, detections right, right, wrong, right, wrong, right by score:
   precision 1, 1, 2/3, 3/4, 3/5, 4/6; falling from the right 1, 1, .75, .75, .667, .667; area .2 (1 + 1 + .75 + .6667) */
static void average_precision(void)
{
    dl_real t[5][6], d[7][7];
    static const int which[6] = {0, 1, -1, 2, 1, 3};                /* the second time box 1 is taken */
    int i, k;
    dl_tensor *truth, *found;
    dl_step_begin(c);
    memset(t, 0, sizeof t);
    memset(d, 0, sizeof d);
    for (i = 0; i < 5; i++) for (k = 0; k < 4; k++) t[i][2 + k] = (dl_real)(20 * i + (k > 1 ? 10 : 0));
    for (i = 0; i < 6; i++) {
        d[i][2] = (dl_real)(0.9 - i / 10.0);
        for (k = 0; k < 4; k++) d[i][3 + k] = (dl_real)(which[i] < 0 ? 200 + k : (double)t[which[i]][2 + k] + (k > 1));
    }
    truth = dl_tensor_from(c, &t[0][0], DL_SHAPE(5, 6));
    found = dl_tensor_from(c, &d[0][0], DL_SHAPE(6, 7));
    NEAR(dl_metric_ap(c, found, truth), 0.2 * (1 + 1 + 0.75 + 4.0 / 6));
    NEAR(dl_metric_ap(c, NULL, truth), 0);
    NEAR(dl_metric_ap(c, found, truth, .iou = (dl_real)0.9), 0);    /* their iou is 100 / 121 */
    for (i = 0; i < 5; i++) { d[i][0] = 1; memcpy(&d[i][3], &t[i][2],
                                                  4 * sizeof(dl_real)); }    /* the boxes of another picture */
    NEAR(dl_metric_ap(c, dl_tensor_from(c, &d[0][0], DL_SHAPE(5, 7)), truth), 0);
    for (i = 0; i < 5; i++) d[i][0] = 0;
    NEAR(dl_metric_ap(c, dl_tensor_from(c, &d[0][0], DL_SHAPE(5, 7)), truth), 1);
    t[4][1] = 3;                                                    /* a second class, not found: the mean of 1 and 0 */
    NEAR(dl_metric_ap(c, dl_tensor_from(c, &d[0][0], DL_SHAPE(4, 7)), dl_tensor_from(c, &t[0][0], DL_SHAPE(5, 6))), 0.5);
    CHECK_OK(c);
}

static void detections(void)
{
    dl_tensor *d, *y;
    dl_step_begin(c);
    d = FROM(DL_SHAPE(5, 7), 0, 0, 0.5, 0, 0, 10, 10,  0, 0, 0.9, 1, 1, 11, 11,  0, 1, 0.7, 0, 0, 10, 10,  1, 0, 0.6, 0, 0,
             10, 10,
             0, 0, 0.1, 50, 50, 60, 60);
    y = dl_detections_nms(c, d, 0.5, .min_score = (dl_real)0.2);
    CHECK(!dl_is_nil(y) && y->shape[0] == 3);                       /* the first goes, another class and picture stay */
    NEAR(y->data[2], 0.9);
    NEAR(y->data[9], 0.7);
    NEAR(y->data[16], 0.6);
    CHECK(dl_detections_nms(c, d, 0.5, .min_score = 2) == NULL);
    CHECK(dl_detections_nms(c, NULL, 0.5) == NULL);
    CHECK_OK(c);
}

static void proposals(void)                                         /* DET-05: three rectangles on a plain picture */
{
    static const int box[3][4] = {{5, 6, 20, 18}, {30, 8, 44, 30}, {8, 34, 26, 44}};
    dl_tensor *x, *p, *iou, *grid;
    int i, k, u, v;
    ROW("DET-05");
    dl_step_begin(c);
    x = dl_full(c, DL_SHAPE(3, 48, 50), (dl_real)0.1);
    for (i = 0; i < 3; i++)
        for (u = box[i][1]; u < box[i][3]; u++)
            for (v = box[i][0]; v < box[i][2]; v++)
                for (k = 0; k < 3; k++) x->data[(k * 48 + u) * 50 + v] = (dl_real)(k == i ? 0.9 : 0.3);
    p = dl_region_proposals(c, x);
    CHECK(!dl_is_nil(p) && p->shape[0] >= 4 && p->shape[0] < 20);
    for (i = 0; i < 3; i++) {
        dl_tensor *t = FROM(DL_SHAPE(1, 4), (dl_real)box[i][0], (dl_real)box[i][1], (dl_real)box[i][2], (dl_real)box[i][3]);
        CHECK(dl_item(dl_max(c, dl_box_iou(c, p, t))) == 1);
    }
    CHECK(p->data[0] == 0 && p->data[1] == 0 && p->data[2] == 50 && p->data[3] == 48);      /* the last merged: everything */
    /* the simple form: a grid of boxes covers every object */
    grid = dl_box_clip(c, dl_anchors(c, 12, 13, .sizes = {12, 20}, .ratios = {(dl_real)0.5, 1, 2}, .stride = 4,
                                     .offset = (dl_real)0.5), 48, 50);
    for (i = 0; i < 3; i++) {
        dl_tensor *t = FROM(DL_SHAPE(1, 4), (dl_real)box[i][0], (dl_real)box[i][1], (dl_real)box[i][2], (dl_real)box[i][3]);
        CHECK(dl_item(dl_max(c, dl_box_iou(c, grid, t))) > 0.5);
    }
    iou = dl_box_iou(c, grid, p);
    CHECK(iou->shape[0] == 12 * 13 * 6 && iou->shape[1] == p->shape[0]);
    CHECK_OK(c);
}

static void threads_change_nothing(void)
{
    dl_real sum[2][3];
    int k;
    for (k = 0; k < 2; k++) {
        dl_ctx *mine = dl_create(.seed = 5, .threads = 1 + 2 * k);
        dl_tensor *x = dl_requires_grad(mine, dl_randn(mine, DL_SHAPE(2, 13, 20, 20)), 1);
        dl_tensor *b = dl_mul_scalar(mine, dl_rand(mine, DL_SHAPE(30, 4)), 15), *map = dl_zeros(mine,
                                                                                                DL_SHAPE(30, 1)), *parts[2], *r;
        parts[0] = map; parts[1] = dl_box_convert(mine, b, DL_XYWH, DL_XYXY);
        r = dl_cat(mine, 2, parts, 1);
        dl_backward(mine, dl_sum(mine, dl_square(mine, dl_roi_align(mine, x, r, 5, 5))));
        sum[k][0] = x->grad[777];
        dl_backward(mine, dl_sum(mine, dl_square(mine, dl_roi_pool(mine, x, r, 5, 5))));
        sum[k][1] = x->grad[778];
        sum[k][2] = x->grad[1400];
        CHECK_OK(mine);
        dl_destroy(mine);
    }
    CHECK(!memcmp(sum[0], sum[1], sizeof sum[0]));
}

/* --- the curriculum: V33 ---------------------------------------------------------------------------------------------- */
static void overlap(void)
{
    dl_tensor *iou;
    ROW("DET-03");
    dl_step_begin(c);
    iou = dl_box_iou(c, FROM(DL_SHAPE(2, 4), 0, 0, 2, 2, 0, 0, 10, 10),
                     FROM(DL_SHAPE(3, 4), 1, 1, 3, 3, 1, 1, 11, 11, 50, 50, 51, 51));
    NEAR(iou->data[0], 0.1428571429);
    NEAR(iou->data[4], 0.6806722689);
    NEAR(iou->data[2], 0);
    NEAR(iou->data[5], 0);
    CHECK_OK(c);
}

static void suppression(void)
{
    dl_tensor *keep, *b;
    ROW("DET-04");
    dl_step_begin(c);
    b = FROM(DL_SHAPE(3, 4), 0, 0, 10, 10, 1, 1, 11, 11, 20, 20, 30, 30);
    keep = dl_nms(c, b, FROM(DL_SHAPE(3), 0.9, 0.8, 0.7), 0.5);
    CHECK(keep->size == 2 && keep->idata[0] == 0 && keep->idata[1] == 2);
    keep = dl_nms(c, b, FROM(DL_SHAPE(3), 0.7, 0.8, 0.9), 0.5);
    CHECK(keep->size == 2 && keep->idata[0] == 2 && keep->idata[1] == 1);
    keep = dl_nms(c, b, FROM(DL_SHAPE(3), 0.9, 0.8, 0.7), 0.7);     /* above the threshold only */
    CHECK(keep->size == 3);
    CHECK_OK(c);
}

static void box_targets(void)
{
    const double want[4] = {0.2, 0.1, 0.6931471806, 0};
    dl_tensor *box, *anchor, *t, *back, *x;
    int k;
    ROW("DET-06");
    dl_step_begin(c);
    box = dl_box_convert(c, FROM(DL_SHAPE(1, 4), 12, 11, 20, 10), DL_CXCYWH, DL_XYXY);
    anchor = dl_box_convert(c, FROM(DL_SHAPE(1, 4), 10, 10, 10, 10), DL_CXCYWH, DL_XYXY);
    t = dl_box_encode(c, box, anchor);
    back = dl_box_decode(c, t, anchor);
    for (k = 0; k < 4; k++) {
        NEAR(t->data[k], want[k]);
        CHECK_NEAR(back->data[k], box->data[k], 1e-5);
    }
    x = dl_requires_grad(c, dl_zeros(c, DL_SHAPE(1, 4)), 1);        /* smooth L1: quadratic below 1 */
    dl_backward(c, dl_smooth_l1_loss(c, x, t, .reduction = DL_SUM));
    NEAR(dl_item(dl_smooth_l1_loss(c, x, t, .reduction = DL_SUM)), (0.04 + 0.01 + 0.6931471806 * 0.6931471806) / 2);
    for (k = 0; k < 4; k++) NEAR(x->grad[k], -want[k]);
    NEAR(dl_item(dl_smooth_l1_loss(c, FROM(S1, 3), FROM(S1, 0))), 2.5);
    CHECK_OK(c);
}

static void region_pooling(void)
{
    dl_tensor *x, *y;
    const dl_real want[4] = {6, 8, 14, 16};
    int i;
    ROW("DET-08");
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_reshape(c, dl_arange(c, 1, 17, 1), DL_SHAPE(1, 1, 4, 4)), 1);
    y = dl_roi_pool(c, x, FROM(DL_SHAPE(1, 5), 0, 0, 0, 3, 3), 2, 2);
    for (i = 0; i < 4; i++) CHECK(y->data[i] == want[i]);
    dl_backward(c, dl_sum(c, y));
    for (i = 0; i < 16; i++) CHECK(x->grad[i] == (i == 5 || i == 7 || i == 13 || i == 15));
    y = dl_roi_align(c, x, FROM(DL_SHAPE(1, 5), 0, 0, 0, 4, 4), 2, 2, .aligned = 1);         /* means of the quarters */
    NEAR(y->data[0], 3.5);
    NEAR(y->data[3], 13.5);
    CHECK_OK(c);
}

static void nine_anchors(void)
{
    dl_tensor *a;
    ROW("DET-09");
    dl_step_begin(c);
    a = dl_anchors(c, 5, 7);
    CHECK(a->shape[0] == 5 * 7 * 9 && a->shape[1] == 4);
    NEAR(dl_box_area(c, a)->data[1], 256 * 256);
    NEAR((a->data[3] - a->data[1]) / (a->data[2] - a->data[0]), 0.5);
    NEAR(a->data[36 * 8 + 4 * 4] + a->data[36 * 8 + 4 * 4 + 2],
         2 * 16);                     /* row 1, column 1: centre 16, 16 */
    CHECK_OK(c);
}

static void grid_of_cells(void)                                     /* S 7, B 2, C 20: 7 x 7 x 30 */
{
    dl_tensor *pred, *truth, *found;
    dl_real *cell;
    ROW("DET-10");
    dl_step_begin(c);
    pred = dl_zeros(c, DL_SHAPE(1, 7, 7, 30));
    truth = FROM(DL_SHAPE(1, 6), 0, 3, 0.3, 0.2, 0.5, 0.6);         /* centre .4, .4: cell (2, 2), at .8, .8 */
    cell = pred->data + (2 * 7 + 2) * 30;
    cell[5] = cell[6] = (dl_real)0.8;
    cell[7] = (dl_real)sqrt(0.2);
    cell[8] = (dl_real)sqrt(0.4);
    cell[9] = 1;
    cell[10 + 3] = 1;
    CHECK_NEAR(dl_item(dl_yolo_loss(c, pred, truth)), 0, 1e-10);
    cell[5] += (dl_real)0.1;                                        /* 5 (.1)^2, and the iou, which confidence should be */
    CHECK_NEAR(dl_item(dl_yolo_loss(c, pred, truth)), 0.05 + pow(1 - (0.2 - 0.1 / 7) / (0.2 + 0.1 / 7), 2), 1e-6);
    found = dl_yolo_decode(c, pred);
    CHECK(found->shape[0] == 98 && found->shape[1] == 7);
    found = dl_detections_nms(c, found, 0.5, .min_score = (dl_real)0.5);
    CHECK(found && found->shape[0] == 1 && found->data[1] == 3 && found->data[2] == 1);
    CHECK_NEAR(found->data[4], 0.2, 1e-6);
    NEAR(dl_metric_ap(c, found, truth), 1);
    CHECK_OK(c);
}

static void pixels(void)                                            /* equals LOSS-13 pixel by pixel */
{
    dl_tensor *x, *t, *each, *flat;
    int64_t n, p, k;
    double sum = 0;
    ROW("DET-12");
    dl_step_begin(c);
    x = dl_randn(c, DL_SHAPE(2, 3, 4, 5));
    t = dl_to_int(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(2, 4, 5)), 3));
    each = dl_cross_entropy2d(c, x, t, .reduction = DL_NONE);
    CHECK(each->ndim == 3 && each->shape[0] == 2 && each->shape[1] == 4 && each->shape[2] == 5);
    for (n = 0; n < 2; n++)
        for (p = 0; p < 20; p++) {
            dl_real v[3];
            for (k = 0; k < 3; k++) v[k] = x->data[(n * 3 + k) * 20 + p];
            flat = dl_cross_entropy(c, dl_tensor_from(c, v, DL_SHAPE(3)), INTS(DL_SHAPE(0), t->idata[n * 20 + p]));
            NEAR(each->data[n * 20 + p], dl_item(flat));
            sum += dl_item(flat);
        }
    NEAR(dl_item(dl_cross_entropy2d(c, x, t)), sum / 40);
    t->idata[7] = 255;
    NEAR(dl_item(dl_cross_entropy2d(c, x, t, .ignore_index = 255)), (sum - (double)each->data[7]) / 39);
    CHECK_OK(c);
}

static void segmentation_metrics(void)
{
    dl_tensor *t, *p;
    ROW("DET-14");
    dl_step_begin(c);
    t = INTS(DL_SHAPE(4), 0, 0, 1, 1);
    p = INTS(DL_SHAPE(4), 0, 1, 1, 1);
    NEAR(dl_metric_miou(c, p, t, 2), 0.5833333333);
    NEAR(dl_metric_miou(c, p, t, 5), 0.5833333333);                 /* classes that do not occur do not count */
    NEAR(dl_metric_pixel_accuracy(c, p, t), 0.75);
    t->idata[1] = 255;
    NEAR(dl_metric_pixel_accuracy(c, p, t, .ignore_index = 255), 1);
    NEAR(dl_metric_miou(c, p, t, 2, .ignore_index = 255), 1);
    CHECK(isnan(dl_metric_pixel_accuracy(c, p, INTS(DL_SHAPE(4), -100, -100, -100, -100))));
    CHECK_OK(c);
}

static void windows(void)                                           /* size 3, stride 1 on 5 x 5: 9 patches */
{
    dl_tensor *x, *y, *w, *scores, *map;
    int i, top, left;
    ROW("DET-01"); ROW("CV-02");
    w = NULL;
    for (top = 0; top < 3; top++)
        for (left = 0; left < 3; left++) {
            dl_step_begin(c);
            x = dl_zeros(c, DL_SHAPE(1, 5, 5));                     /* the pattern |- somewhere */
            for (i = 0; i < 3; i++) x->data[5 * (top + i) + left + 1] = 1;
            x->data[5 * (top + 1) + left + 2] = 1;
            y = dl_sliding_window(c, x, 3);
            CHECK(y->shape[0] == 9 && y->shape[1] == 1 && y->shape[2] == 3 && y->shape[3] == 3);
            w = FROM(DL_SHAPE(1, 9), -1, 1, -1, -1, 1, 1, -1, 1, -1);
            scores = dl_linear(c, dl_reshape(c, y, DL_SHAPE(9, 9)), w, NULL);
            for (i = 0; i < 9; i++) CHECK(i == 3 * top + left ? scores->data[i] == 4 : scores->data[i] < 4);
            map = dl_conv2d(c, dl_unsqueeze(c, x, 0), dl_reshape(c, w, DL_SHAPE(1, 1, 3, 3)), NULL);     /* in one pass */
            CHECK(map->size == 9);
            for (i = 0; i < 9; i++) CHECK(map->data[i] == scores->data[i]);
        }
    CHECK_OK(c);
}

static void dense_as_convolution(void)
{
    dl_tensor *x, *w, *b, *dense, *map;
    int64_t i;
    ROW("DET-11");
    dl_step_begin(c);
    w = dl_randn(c, DL_SHAPE(4, 3, 5, 6));
    b = dl_randn(c, DL_SHAPE(4));
    x = dl_randn(c, DL_SHAPE(2, 3, 5, 6));
    dense = dl_linear(c, dl_flatten(c, x, 1, -1), dl_reshape(c, w, DL_SHAPE(4, 90)), b);
    map = dl_conv2d(c, x, w, b);
    CHECK(map->ndim == 4 && map->size == 8 && map->shape[2] == 1 && map->shape[3] == 1);
    for (i = 0; i < 8; i++) CHECK_NEAR(map->data[i], dense->data[i], 2e-5);
    map = dl_conv2d(c, dl_randn(c, DL_SHAPE(2, 3, 9, 8)), w, b);     /* a larger input: a map of scores */
    CHECK(map->shape[0] == 2 && map->shape[1] == 4 && map->shape[2] == 5 && map->shape[3] == 3);
    CHECK_OK(c);
}

/* Picture -> proposals -> features of each region -> class of each region, trained on four toy pictures, shown a fifth. */
static dl_tensor *toy_picture(int number, dl_tensor **truth)
{
    dl_tensor *x = dl_full(c, DL_SHAPE(3, 40, 40), (dl_real)0.2);
    dl_real t[2][6];
    int k, u, v;
    for (k = 0; k < 2; k++) {
        int kind = (number + k) % 3, left = 3 + 20 * k, top = 2 + 5 * (number % 4), side = 10 + (number + 3 * k) % 4;
        for (u = top; u < top + side; u++) for (v = left; v < left + side; v++) x->data[(kind * 40 + u) * 40 + v] = (dl_real)0.9;
        t[k][0] = 0; t[k][1] = (dl_real)kind;
        t[k][2] = (dl_real)left; t[k][3] = (dl_real)top; t[k][4] = (dl_real)(left + side); t[k][5] = (dl_real)(top + side);
    }
    *truth = dl_tensor_from(c, &t[0][0], DL_SHAPE(2, 6));
    return x;
}
static dl_tensor *features_of(dl_module *net, dl_tensor *x, dl_tensor *boxes)
{
    dl_tensor *both[2];
    both[0] = dl_zeros(c, DL_SHAPE(boxes->shape[0], 1)); both[1] = boxes;
    return dl_roi_align(c, dl_forward(c, net, dl_unsqueeze(c, x, 0)), dl_cat(c, 2, both, 1), 2, 2, .sampling_ratio = 2,
                        .aligned = 1);
}
static void regions_with_features(void)
{
    dl_module *cnn = dl_nn_sequential(c, dl_nn_conv2d(c, 3, 8, 3, .padding = 1), dl_nn_relu(c));
    dl_module *head = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 32, 4));
    dl_optim *o1 = dl_optim_adam(c, cnn, .lr = (dl_real)0.02), *o2 = dl_optim_adam(c, head, .lr = (dl_real)0.02);
    dl_tensor *x, *truth, *boxes, *p, *rows;
    int step, i, k, n = 0;
    ROW("DET-02");
    for (step = 0; step < 80; step++) {
        dl_tensor *match;
        dl_step_begin(c);
        x = toy_picture(step % 4, &truth);
        boxes = dl_region_proposals(c, x);
        match = dl_box_match(c, boxes, dl_slice(c, truth, 1, 2, 6), .high = (dl_real)0.6);
        for (i = 0; i < match->size; i++) match->idata[i] = match->idata[i] < 0 ? 3 : (int32_t)truth->data[6 * match->idata[i] + 1];
        dl_backward(c, dl_cross_entropy(c, dl_forward(c, head, features_of(cnn, x, boxes)), match));
        dl_optim_step(c, o1);
        dl_optim_step(c, o2);
    }
    dl_step_begin(c);
    x = toy_picture(4, &truth);
    boxes = dl_region_proposals(c, x);
    p = dl_softmax(c, dl_forward(c, head, features_of(cnn, x, boxes)), 1);
    rows = dl_zeros(c, DL_SHAPE(boxes->shape[0] * 3, 7));
    for (i = 0; i < boxes->shape[0]; i++)
        for (k = 0; k < 3; k++, n += 7) {
            rows->data[n + 1] = (dl_real)k;
            rows->data[n + 2] = p->data[4 * i + k];
            memcpy(rows->data + n + 3, boxes->data + 4 * i, 4 * sizeof(dl_real));
        }
    NEAR(dl_metric_ap(c, dl_detections_nms(c, rows, 0.3, .min_score = (dl_real)0.5), truth), 1);
    CHECK_OK(c);
}

/* Scenes of 32 x 32 with one disc and one frame, from the context's random numbers: truth in pixels, a class for each pixel. */
static dl_tensor *shapes(int n, dl_tensor **truth, dl_tensor **label)
{
    dl_tensor *x = dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n, 1, 32, 32)), (dl_real)0.3), *r = dl_rand(c, DL_SHAPE(n, 2, 3));
    int i, k, u, v;
    *truth = dl_zeros(c, DL_SHAPE(2 * n, 6));
    *label = dl_to_int(c, dl_zeros(c, DL_SHAPE(n, 32, 32)));
    for (i = 0; i < n; i++)
        for (k = 0; k < 2; k++) {
            const dl_real *d = r->data + 6 * i + 3 * k;
            int radius = 4 + (int)(d[0] * 4), cx = radius + 16 * k + (int)(d[1] * (dl_real)(16 - 2 * radius));
            int cy = radius + (int)(d[2] * (dl_real)(32 - 2 * radius));
            dl_real *t = (*truth)->data + 6 * (2 * i + k);
            t[0] = (dl_real)i; t[1] = (dl_real)k;
            t[2] = (dl_real)(cx - radius); t[3] = (dl_real)(cy - radius);
            t[4] = (dl_real)(cx + radius); t[5] = (dl_real)(cy + radius);
            for (u = -radius; u < radius; u++)
                for (v = -radius; v < radius; v++) {
                    int rim = u < 2 - radius || v < 2 - radius || u >= radius - 2 || v >= radius - 2;
                    int in = k ? rim : u * u + v * v < radius * radius;
                    if (!in) continue;
                    x->data[(i * 32 + cy + u) * 32 + cx + v] += (dl_real)0.7;
                    (*label)->idata[(i * 32 + cy + u) * 32 + cx + v] = k + 1;
                }
        }
    return x;
}

#if defined(DL_DOUBLE) || defined(__SANITIZE_ADDRESS__)
#define FAST 0
#else
#define FAST 1
#endif
static dl_module *layer(int in, int out, int stride)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, in, out, 3, .padding = 1, .stride = stride, .no_bias = 1),
                            dl_nn_batchnorm2d(c, out), dl_nn_relu(c));
}
static void detector(void)
{
    dl_module *net = dl_nn_sequential(c, layer(1, 16, 2), layer(16, 32, 2), layer(32, 32, 2), layer(32, 32, 1),
                                      dl_nn_conv2d(c, 32, 7, 1));
    dl_optim *o = dl_optim_adam(c, net, .lr = (dl_real)5e-3);
    dl_tensor *x, *truth, *label, *y;
    double ap;
    int step, i;
    ROW("CV-04");
    if (!FAST) { SKIP("only in the plain build"); return; }
    for (step = 0; step <= 250; step++) {
        dl_step_begin(c);
        x = shapes(step < 250 ? 8 : 50, &truth, &label);
        if (step == 250) dl_set_training(c, 0);
        y = dl_permute(c, dl_forward(c, net, x), DL_ORDER(0, 2, 3, 1));                      /* (N, 4, 4, 5 + 2) */
        if (step == 250) break;
        for (i = 0; i < truth->size; i++) if (i % 6 > 1) truth->data[i] /= 32;
        dl_backward(c, dl_yolo_loss(c, y, truth, .boxes = 1));
        dl_optim_step(c, o);
    }
    dl_set_training(c, 1);
    y = dl_yolo_decode(c, y, .boxes = 1);
    for (i = 0; i < y->size; i++) if (i % 7 > 2) y->data[i] *= 32;
    ap = dl_metric_ap(c, dl_detections_nms(c, y, 0.3), truth);
    if (!CHECK(ap > 0.8)) printf(" %.3f", ap);
    CHECK_OK(c);
}
static void segmentation(void)
{
    dl_module *net = dl_nn_sequential(c, layer(1, 16, 1), layer(16, 16, 2), layer(16, 16, 1),
                                      dl_nn_conv_transpose2d(c, 16, 3, 4, .stride = 2, .padding = 1));
    dl_optim *o = dl_optim_adam(c, net, .lr = (dl_real)1e-2);
    dl_tensor *x, *truth, *label, *y;
    double iou;
    int step;
    ROW("CV-05");
    if (!FAST) { SKIP("only in the plain build"); return; }
    for (step = 0; step <= 150; step++) {
        dl_step_begin(c);
        x = shapes(step < 150 ? 8 : 50, &truth, &label);
        if (step == 150) dl_set_training(c, 0);
        y = dl_forward(c, net, x);
        if (step == 150) break;
        dl_backward(c, dl_cross_entropy2d(c, y, label));
        dl_optim_step(c, o);
    }
    dl_set_training(c, 1);
    iou = dl_metric_miou(c, dl_argmax(c, y, .dims = DL_DIM(1)), label, 3);
    if (!CHECK(iou > 0.8)) printf(" %.3f", iou);
    CHECK_OK(c);
}

int main(void)
{
    c = dl_create(.seed = 3);
    RUN(values_and_gradients);
    RUN(gradients_by_differences);
    RUN(bad_tensors);
    RUN(bad_numbers);
    RUN(rpn_draws);
    RUN(box_without_area);
    RUN(not_a_number);
    RUN(average_precision);
    RUN(detections);
    RUN(proposals);
    RUN(threads_change_nothing);
    RUN(overlap);
    RUN(suppression);
    RUN(box_targets);
    RUN(region_pooling);
    RUN(nine_anchors);
    RUN(grid_of_cells);
    RUN(pixels);
    RUN(segmentation_metrics);
    RUN(windows);
    RUN(dense_as_convolution);
    RUN(regions_with_features);
    RUN(detector);
    RUN(segmentation);
    dl_destroy(c);
    TEST_END;
}
