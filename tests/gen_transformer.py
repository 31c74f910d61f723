"""Golden values of test_transformer.c:  python3 tests/gen_transformer.py > tests/golden_transformer.h

Parameters and inputs come from formulas that both sides know, see number() and fill().  Of a result three sums are kept, of the
gradient of each parameter, under its name, one.  GPT-2 and LLaMA are written down here as their published code defines them,
with the names of their published weights; the vision transformer with torchvision's.
"""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
cases = []


def number(i, s):
    return ((37 * i + s) % 64 - 31.5) / 32


def seed(name):
    return sum((k + 1) * ord(ch) for k, ch in enumerate(name)) % 61


def fill(module):
    for name, p in module.named_parameters():
        v = torch.tensor([number(i, seed(name)) for i in range(p.numel())]).reshape(p.shape)
        p.data = 0.25 * v if p.dim() > 1 or name.endswith("bias") else 1 + 0.25 * v
    return module


def real(*shape, s=7):
    n = math.prod(shape)
    return torch.tensor([number(i, s) for i in range(n)]).reshape(shape).requires_grad_()


def ids(*shape, vocab):
    return torch.tensor([(7 * i + 3) % vocab for i in range(math.prod(shape))]).reshape(shape)


def weigh(t, a):
    return sum(number(i, a) * x for i, x in enumerate(t.detach().reshape(-1).tolist()))


def sums(t):
    return [weigh(t, 11), weigh(t, 5), t.detach().abs().sum().item()]


def case(name, module, y, inputs=()):
    cot = torch.tensor([number(i, 11) for i in range(y.numel())]).reshape(y.shape)
    (y * cot).sum().backward()
    rows = [("", v) for v in sums(y)]
    rows += [("input", weigh(x.grad, 5)) for x in inputs]
    rows += [(n, weigh(torch.zeros_like(p) if p.grad is None else p.grad, 5)) for n, p in module.named_parameters()]
    cases.append((name, rows))


def padded(lengths, n):                                         # True: may not be seen
    return torch.arange(n)[None, :] >= torch.tensor(lengths)[:, None]


def layers():
    common = dict(d_model=8, nhead=2, dim_feedforward=12, dropout=0.0, batch_first=True)
    x, memory = real(2, 5, 8), real(2, 3, 8, s=20)
    causal = nn.Transformer.generate_square_subsequent_mask(5)
    m = fill(nn.TransformerEncoderLayer(**common))
    case("encoder_post", m, m(x), [x])
    x = real(2, 5, 8)
    m = fill(nn.TransformerEncoderLayer(norm_first=True, activation=F.gelu, **common))
    case("encoder_pre_causal", m, m(x, src_mask=causal), [x])
    x = real(2, 5, 8)
    m = fill(nn.TransformerEncoderLayer(**common))
    mask = torch.tensor([[number(5 * t + s, 3) for s in range(5)] for t in range(5)])
    case("encoder_masked", m, m(x, src_mask=mask, src_key_padding_mask=torch.zeros(2, 5).masked_fill(padded([5, 3], 5), -math.inf)), [x])
    x = real(2, 5, 8)
    m = fill(nn.TransformerDecoderLayer(**common))
    case("decoder_post", m, m(x, memory, tgt_mask=causal, memory_key_padding_mask=padded([3, 2], 3)), [x, memory])
    x, memory = real(2, 5, 8), real(2, 3, 8, s=20)
    m = fill(nn.TransformerDecoderLayer(norm_first=True, activation=F.gelu, bias=False, **common))
    seen = torch.tensor([[0.0 if (t + s) % 3 else -math.inf for s in range(3)] for t in range(5)])
    case("decoder_pre", m, m(x, memory, memory_mask=seen), [x, memory])
    src, tgt = real(2, 4, 8), real(2, 3, 8, s=20)
    m = fill(nn.Transformer(num_encoder_layers=2, num_decoder_layers=2, **common))
    y = m(src, tgt, tgt_mask=nn.Transformer.generate_square_subsequent_mask(3), src_key_padding_mask=padded([4, 2], 4),
          memory_key_padding_mask=padded([4, 2], 4))
    case("transformer", m, y, [src, tgt])


# --- GPT-2
class Conv1D(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(i, o)), nn.Parameter(torch.zeros(o))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.c_attn, self.c_proj = heads, Conv1D(dim, 3 * dim), Conv1D(dim, dim)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (z.reshape(n, t, self.heads, -1).transpose(1, 2) for z in self.c_attn(x).split(d, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(d // self.heads)
        scores = scores.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d))


class MLP(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(dim, 4 * dim), Conv1D(4 * dim, dim)

    def forward(self, x):
        x = self.c_fc(x)
        return self.c_proj(0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))))


class GPTBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1, self.attn, self.ln_2, self.mlp = nn.LayerNorm(dim), Attention(dim, heads), nn.LayerNorm(dim), MLP(dim)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab, block, layers, heads, dim):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(block, dim)
        self.h, self.ln_f = nn.ModuleList(GPTBlock(dim, heads) for _ in range(layers)), nn.LayerNorm(dim)

    def forward(self, i):
        x = self.wte(i) + self.wpe(torch.arange(i.shape[1]))
        for b in self.h:
            x = b(x)
        return self.ln_f(x) @ self.wte.weight.T


# --- LLaMA
class RMSNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return self.weight * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6)


def rotate(x):                                                  # (n, heads, t, d)
    d = x.shape[-1]
    angle = torch.arange(x.shape[-2])[:, None] / 10000.0 ** (torch.arange(0, d, 2) / d)
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
    return x * cos + torch.cat([-x[..., d // 2:], x[..., :d // 2]], -1) * sin


class LlamaAttention(nn.Module):
    def __init__(self, dim, heads, groups):
        super().__init__()
        self.heads, self.groups, d = heads, groups, dim // heads
        self.q_proj, self.k_proj = nn.Linear(dim, dim, bias=False), nn.Linear(dim, groups * d, bias=False)
        self.v_proj, self.o_proj = nn.Linear(dim, groups * d, bias=False), nn.Linear(dim, dim, bias=False)

    def forward(self, x):
        n, t, dim = x.shape
        q = rotate(self.q_proj(x).reshape(n, t, self.heads, -1).transpose(1, 2))
        k = rotate(self.k_proj(x).reshape(n, t, self.groups, -1).transpose(1, 2))
        v = self.v_proj(x).reshape(n, t, self.groups, -1).transpose(1, 2)
        k, v = (z.repeat_interleave(self.heads // self.groups, 1) for z in (k, v))
        scores = (q @ k.transpose(-1, -2) / math.sqrt(dim // self.heads)).masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        return self.o_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, dim))


class LlamaMLP(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(dim, hidden, bias=False), nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaBlock(nn.Module):
    def __init__(self, dim, heads, groups, hidden):
        super().__init__()
        self.self_attn, self.mlp = LlamaAttention(dim, heads, groups), LlamaMLP(dim, hidden)
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(dim), RMSNorm(dim)

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, vocab, layers, heads, groups, dim, hidden):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(vocab, dim)
        self.model.layers = nn.ModuleList(LlamaBlock(dim, heads, groups, hidden) for _ in range(layers))
        self.model.norm = RMSNorm(dim)
        self.lm_head = nn.Linear(dim, vocab, bias=False)

    def forward(self, i):
        x = self.model.embed_tokens(i)
        for b in self.model.layers:
            x = b(x)
        return self.lm_head(self.model.norm(x))


# --- vision transformer
class ViTBlock(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)
        self.self_attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(0), nn.Linear(hidden, dim), nn.Dropout(0))

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class ViT(nn.Module):
    def __init__(self, side, patch, layers, heads, dim, hidden, classes):
        super().__init__()
        self.class_token, self.conv_proj = nn.Parameter(torch.zeros(1, 1, dim)), nn.Conv2d(3, dim, patch, patch)
        self.encoder, self.heads = nn.Module(), nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, dim))
        self.encoder.layers = nn.Module()
        for i in range(layers):
            self.encoder.layers.add_module("encoder_layer_%d" % i, ViTBlock(dim, heads, hidden))
        self.encoder.ln, self.heads.head = nn.LayerNorm(dim, 1e-6), nn.Linear(dim, classes)

    def forward(self, x):
        x = self.conv_proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], 1) + self.encoder.pos_embedding
        for b in self.encoder.layers.children():
            x = b(x)
        return self.heads.head(self.encoder.ln(x)[:, 0])


layers()
m = fill(GPT(11, 6, 2, 2, 8))
case("gpt", m, m(ids(2, 5, vocab=11)))
m = fill(Llama(11, 2, 4, 2, 16, 12))
case("llama", m, m(ids(2, 5, vocab=11)))
m = fill(ViT(8, 4, 2, 2, 8, 12, 5))
x = real(2, 3, 8, 8)
case("vit", m, m(x), [x])

print("/* Made by gen_transformer.py with PyTorch %s in double: do not edit." % torch.__version__.split("+")[0])
print("   Three sums of the result, one of the gradient of each input and of each parameter; see number() and weigh(). */")
print("typedef struct { const char *name; double value; } golden;")
for name, rows in cases:
    print("static const golden golden_%s[] = {" % name)
    for n, v in rows:
        print('    {"%s", %.11g},' % (n, v))
    print("    {0, 0}};")
