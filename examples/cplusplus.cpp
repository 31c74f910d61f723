/* cplusplus.cpp: dl.h in a C++ program, with the context in a class that cleans up.

       c++ -O2 examples/cplusplus.cpp -o cplusplus
       ./cplusplus
       ./cplusplus --help

   The header is C++11 as well as C99.  Options by name, dl_create(.seed = 1), need C++20; before that fill in a struct and pass
   it to the function that ends with _with, as here.  A program of several files defines DL_IMPLEMENTATION in one of
   them, or links a C file that does.  dl.h throws nothing; what throws is the class below. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

static const char help[] =
    "usage: cplusplus [options]\n"
    "  --epochs N     200\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        no effect: it is quick\n";

class context {
    dl_ctx *c;
    context(const context &);                                  // not copied
    context &operator=(const context &);
public:
    explicit context(uint64_t seed)
    {
        dl_create_opts o = dl_create_opts();
        o.seed = seed;
        c = dl_create_with(o);
        if (!c) throw std::bad_alloc();
    }
    ~context() { dl_destroy(c); }
    operator dl_ctx *() const { return c; }
    void check() const { if (dl_error(c)) throw std::runtime_error(dl_error(c)); }
};

// Is a point inside the circle of radius 0.8?
static dl_dataset *circle(dl_ctx *c, int64_t n)
{
    dl_tensor *x = dl_sub_scalar(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n, 2)), 2), 1);
    std::vector<int32_t> inside;
    for (int64_t i = 0; i < n && !dl_error(c); i++) {
        const float *p = x->data + 2 * i;
        inside.push_back(p[0] * p[0] + p[1] * p[1] < 0.64f);
    }
    return dl_data_tensors(c, x, dl_tensor_from_int(c, inside.data(), DL_SHAPE(n)));
}

static double train(dl_ctx *c, dl_module *net, dl_dataset *data, int epochs)
{
    dl_optim_adam_opts adam = dl_optim_adam_opts();
    dl_fit_opts fit = dl_fit_opts();
    adam.lr = 0.01f;
    fit.epochs = epochs;
    fit.batch_size = 50;
    fit.quiet = 1;
    return dl_fit_with(c, net, dl_optim_adam_with(c, net, adam), data, fit).accuracy;
}

int main(int argc, char **argv)
{
    int epochs = 200, seed = 1;
    for (int i = 1; i < argc; i++) {
        std::string option = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
        if      (option == "--quick")   continue;
        else if (option == "--help")    return std::fputs(help, stdout), 0;
        else if (option == "--epochs")  epochs = std::atoi(value.c_str()), i++;
        else if (option == "--threads") i++;
        else if (option == "--seed")    seed = std::atoi(value.c_str()), i++;
        else return std::fprintf(stderr, "cplusplus: unknown option %s\n%s", argv[i], help), 2;
    }
    try {
        context c((uint64_t)seed);
        dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 32), dl_nn_tanh(c), dl_nn_linear(c, 32, 2));
        double accuracy = train(c, net, circle(c, 1000), epochs);
        c.check();
        std::printf("points inside or outside a circle: accuracy on the training data %.3f, expected above 0.95\n", accuracy);

        bool caught = false;
        try {
            dl_matmul(c, dl_ones(c, DL_SHAPE(2, 3)), dl_ones(c, DL_SHAPE(2, 3)));      // the shapes do not fit
            c.check();
        } catch (const std::runtime_error &e) {
            std::printf("an error as an exception: %s\n", e.what());
            dl_clear_error(c);
            caught = true;
        }
        return accuracy > 0.95 && caught ? 0 : 1;
    } catch (const std::exception &e) {
        std::fprintf(stderr, "cplusplus: %s\n", e.what());
        return 1;
    }
}
