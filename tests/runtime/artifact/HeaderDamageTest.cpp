// Each field of the header outside programs, broken once.
#include "tests/runtime/artifact/Damage.h"

namespace tawny::test {
namespace {

constexpr Damage fileDamages[] = {
    {"compiler_version", [](fb::ArtifactT &a) { a.compiler_version.clear(); },
     "compiler_version: expected a text, found none"},
    {"model", [](fb::ArtifactT &a) { a.model.reset(); }, "model: expected a value, found none"},
    {"architecture", [](fb::ArtifactT &a) { a.model->architecture.clear(); },
     "model.architecture: expected a text, found none"},
    {"layers", [](fb::ArtifactT &a) { a.model->layers = 1u << 20; },
     "model.layers: expected 0 to 65536, found 1048576"},
    {"vocab_size", [](fb::ArtifactT &a) { a.model->vocab_size = 0; },
     "model.vocab_size: expected 1 to 16777216, found 0"},
    {"max_context", [](fb::ArtifactT &a) { a.max_context = 0; },
     "max_context: expected 1 to 268435456, found 0"},
    {"max_batch", [](fb::ArtifactT &a) { a.max_batch = 1u << 31; },
     "max_batch: expected 1 to 65536, found 2147483648"},
    {"kv_tokens", [](fb::ArtifactT &a) { a.kv_tokens = 0; },
     "kv_tokens: expected 1 to 2147483647, found 0"},
    {"purpose",
     [](fb::ArtifactT &a) {
       a.targets.clear();
       a.tokenizer.reset();
     },
     "tokenizer: expected a value, found none"},
    {"segment kind", [](fb::ArtifactT &a) { a.segments[0]->kind = fb::SegmentKind(7); },
     "segments[0].kind: expected a value of at most 2, found 7"},
    {"segment alignment", [](fb::ArtifactT &a) { a.segments[1]->offset += 64; },
     "segments[1].offset: expected a multiple of 4096, found 12352"},
    {"segment beyond the file", [](fb::ArtifactT &a) { a.segments[1]->bytes = 101; },
     "segments[1].bytes: expected a range inside the 12388 bytes of the file, found 101 bytes at "
     "12288"},
    {"segment overflow", [](fb::ArtifactT &a) { a.segments[1]->offset = uint64_t(0) - 4096; },
     "segments[1].bytes: expected a range inside the 12388 bytes of the file, found 100 bytes at "
     "18446744073709547520"},
    {"segments overlap", [](fb::ArtifactT &a) { a.segments[0]->bytes = 4097; },
     "segments[1].offset: expected at least 12289, where segments[0] ends, found 12288"},
    {"empty segment", [](fb::ArtifactT &a) { a.segments[0]->bytes = 0; },
     "segments[0].bytes: expected at least one byte, found none"},
    {"code checksum", [](fb::ArtifactT &a) { a.segments[1]->checksum = 1; },
     "segments[1].checksum: expected 0000000000000001, found CHECKSUM"},
    {"generated segment in the file",
     [](fb::ArtifactT &a) { a.segments[0]->kind = fb::SegmentKind::Generated; },
     "segments[0].offset: expected 0 to 0, found 8192"},
    {"generated weight without fill",
     [](fb::ArtifactT &a) {
       a.segments[0]->kind = fb::SegmentKind::Generated;
       a.segments[0]->offset = 0;
     },
     "weights[0].fill: expected an index below 0, found -1"},
    {"stored weight with fill", [](fb::ArtifactT &a) { a.weights[0]->fill = 0; },
     "weights[0].fill: expected -1, as the file holds this weight, found 0"},
    {"fill without bytes",
     [](fb::ArtifactT &a) { a.fills.push_back(std::make_unique<fb::FillT>()); },
     "fills[0].fixed: expected a value, found none"},
    {"fill lengths",
     [](fb::ArtifactT &a) {
       a.fills.push_back(std::make_unique<fb::FillT>());
       a.fills[0]->fixed.resize(128);
       a.fills[0]->random.resize(64);
     },
     "fills[0].random: expected as many bytes as in fixed, 128, found 64"},
    {"fill alignment",
     [](fb::ArtifactT &a) {
       a.fills.push_back(std::make_unique<fb::FillT>());
       a.fills[0]->fixed.resize(65);
       a.fills[0]->random.resize(65);
     },
     "fills[0].fixed: expected a multiple of 64, found 65"},
    {"weight name", [](fb::ArtifactT &a) { a.weights[0]->name.clear(); },
     "weights[0].name: expected a text, found none"},
    {"weight format", [](fb::ArtifactT &a) { a.weights[0]->format.clear(); },
     "weights[0].format: expected a text, found none"},
    {"weight rows", [](fb::ArtifactT &a) { a.weights[0]->rows = 0; },
     "weights[0].rows: expected 1 to 4398046511104, found 0"},
    {"weight product",
     [](fb::ArtifactT &a) { a.weights[0]->rows = a.weights[0]->columns = uint64_t(1) << 40; },
     "weights[0].rows: expected rows * columns to fit 64 bits, found 1099511627776 * "
     "1099511627776"},
    {"weight segment", [](fb::ArtifactT &a) { a.weights[0]->segment = 2; },
     "weights[0].segment: expected an index below 2, found 2"},
    {"weight in code", [](fb::ArtifactT &a) { a.weights[0]->segment = 1; },
     "weights[0].segment: expected a segment of weights, found one of code"},
    {"weight alignment", [](fb::ArtifactT &a) { a.weights[0]->offset = 32; },
     "weights[0].offset: expected a multiple of 64, found 32"},
    {"weight outside", [](fb::ArtifactT &a) { a.weights[0]->bytes = 65; },
     "weights[0].bytes: expected a range inside the 128 bytes of the segment, found 65 bytes at "
     "64"},
};

constexpr Damage tokenizerDamages[] = {
    {"kind", [](fb::ArtifactT &a) { a.tokenizer->kind = fb::TokenizerKind(9); },
     "tokenizer.kind: expected a value of at most 1, found 9"},
    {"no offsets", [](fb::ArtifactT &a) { a.tokenizer->token_offsets.clear(); },
     "tokenizer.token_offsets: expected a value, found none"},
    {"one offset", [](fb::ArtifactT &a) { a.tokenizer->token_offsets.resize(1); },
     "tokenizer.token_offsets: expected 2 to 16777217 offsets, found 1"},
    {"first offset", [](fb::ArtifactT &a) { a.tokenizer->token_offsets[0] = 1; },
     "tokenizer.token_offsets[0]: expected 0 to 0, found 1"},
    {"descending", [](fb::ArtifactT &a) { a.tokenizer->token_offsets[2] = 3; },
     "tokenizer.token_offsets[2]: expected 5 to 49, found 3"},
    {"beyond the text", [](fb::ArtifactT &a) { a.tokenizer->token_offsets[32] = 50; },
     "tokenizer.token_offsets[32]: expected 43 to 49, found 50"},
    {"text left over", [](fb::ArtifactT &a) { a.tokenizer->token_offsets[32] = 48; },
     "tokenizer.token_offsets[32]: expected the end of token_text, 49, found 48"},
    {"scores", [](fb::ArtifactT &a) { a.tokenizer->scores.pop_back(); },
     "tokenizer.scores: expected one for each of 32 tokens, found 31"},
    {"types", [](fb::ArtifactT &a) { a.tokenizer->types.pop_back(); },
     "tokenizer.types: expected one for each of 32 tokens, found 31"},
    {"type", [](fb::ArtifactT &a) { a.tokenizer->types[5] = 7; },
     "tokenizer.types[5]: expected 1 to 6, found 7"},
    {"bos", [](fb::ArtifactT &a) { a.tokenizer->bos = 32; },
     "tokenizer.bos: expected -1 to 31, found 32"},
    {"eos", [](fb::ArtifactT &a) { a.tokenizer->eos = -2; },
     "tokenizer.eos: expected -1 to 31, found -2"},
    {"more tokens than logits", [](fb::ArtifactT &a) { a.model->vocab_size = 31; },
     "tokenizer: expected no more tokens than model.vocab_size, 31, found 32"},
    {"strips", [](fb::ArtifactT &a) { a.tokenizer->strips = {1, 2}; },
     "tokenizer.strips: expected one for each of 32 tokens, found 2"},
    {"strip", [](fb::ArtifactT &a) { a.tokenizer->strips.assign(32, 4); },
     "tokenizer.strips[0]: expected 0 to 3, found 4"},
};

constexpr Damage targetDamages[] = {
    {"name", [](fb::ArtifactT &a) { a.targets[0]->name.clear(); },
     "targets[0].name: expected a text, found none"},
    {"device", [](fb::ArtifactT &a) { a.targets[0]->device = "tpu"; },
     "targets[0].device: expected cpu, hip or cuda, found 'tpu'"},
    {"feature", [](fb::ArtifactT &a) { a.targets[0]->features.push_back(""); },
     "targets[0].features[1]: expected a text, found none"},
    {"code segment", [](fb::ArtifactT &a) { a.targets[0]->code_segment = 0; },
     "targets[0].code_segment: expected a segment of code, found one of weights"},
    {"code segment index", [](fb::ArtifactT &a) { a.targets[0]->code_segment = 99; },
     "targets[0].code_segment: expected an index below 2, found 99"},
    {"fallback segment", [](fb::ArtifactT &a) { a.targets[0]->fallback_segment = 0; },
     "targets[0].fallback_segment: expected a segment of code, found one of weights"},
    {"fallback segment index", [](fb::ArtifactT &a) { a.targets[0]->fallback_segment = -2; },
     "targets[0].fallback_segment: expected an index below 2, found -2"},
    {"resident", [](fb::ArtifactT &a) { a.targets[0]->resident_bytes = ~uint64_t(0); },
     "targets[0].resident_bytes: expected 0 to 4398046511104, found 18446744073709551615"},
    {"no kernels", [](fb::ArtifactT &a) { a.targets[0]->kernels.clear(); },
     "targets[0].kernels: expected a value, found none"},
    {"symbol", [](fb::ArtifactT &a) { a.targets[0]->kernels[2]->symbol.clear(); },
     "targets[0].kernels[2].symbol: expected a text, found none"},
    {"kernel twice", [](fb::ArtifactT &a) { a.targets[0]->kernels[2]->name = "append"; },
     "targets[0].kernels[2].name: expected a name that no other kernel has, found 'append' again"},
    {"kernel access",
     [](fb::ArtifactT &a) { a.targets[0]->kernels[1]->bindings[3] = fb::Access(3); },
     "targets[0].kernels[1].bindings[3]: expected a value of at most 2, found 3"},
    {"threads", [](fb::ArtifactT &a) { a.targets[0]->kernels[1]->threads = 64; },
     "targets[0].kernels[1].threads: expected 1 to 1, found 64"},
    {"scratch", [](fb::ArtifactT &a) { a.targets[0]->kernels[1]->scratch_bytes = 1 << 21; },
     "targets[0].kernels[1].scratch_bytes: expected 0 to 1048576, found 2097152"},
    {"no kv", [](fb::ArtifactT &a) { a.targets[0]->kv.reset(); },
     "targets[0].kv: expected a value, found none"},
    {"kv pages", [](fb::ArtifactT &a) { a.targets[0]->kv->pages = 0; },
     "targets[0].kv.pages: expected 1 to 2147483647, found 0"},
    {"kv slots", [](fb::ArtifactT &a) { a.targets[0]->kv->pages = 1u << 30; },
     "targets[0].kv.pages: expected pages * page_tokens of at most 2147483647, found 4294967296"},
    {"kv room", [](fb::ArtifactT &a) { a.kv_tokens = 65; },
     "targets[0].kv.pages: expected room for kv_tokens, 65, found room for 64 tokens"},
    {"kv element", [](fb::ArtifactT &a) { a.targets[0]->kv->element = "q8_0"; },
     "targets[0].kv.element: expected f16, bf16 or f32, found 'q8_0'"},
    {"k page", [](fb::ArtifactT &a) { a.targets[0]->kv->k_page_bytes = 192; },
     "targets[0].kv.k_page_bytes: expected at least kv_heads * head_dim * page_tokens elements, "
     "found 192 bytes"},
    {"v page alignment", [](fb::ArtifactT &a) { a.targets[0]->kv->v_page_bytes = 260; },
     "targets[0].kv.v_page_bytes: expected a multiple of 64, found 260"},
    {"page overflow", [](fb::ArtifactT &a) { a.targets[0]->kv->k_page_bytes = uint64_t(1) << 63; },
     "targets[0].kv.k_page_bytes: expected 1 to 4398046511104, found 9223372036854775808"},
    {"layer bytes", [](fb::ArtifactT &a) { a.targets[0]->kv->layer_bytes += 64; },
     "targets[0].kv.layer_bytes: expected pages * (k_page_bytes + v_page_bytes), found 8256"},
    {"kv bytes", [](fb::ArtifactT &a) { a.targets[0]->kv->bytes -= 1; },
     "targets[0].kv.bytes: expected layers * layer_bytes, found 16383"},
    {"probe kernel", [](fb::ArtifactT &a) { a.targets[0]->probes->read_kernel = 7; },
     "targets[0].probes.read_kernel: expected an index below 7, found 7"},
    {"probe bindings", [](fb::ArtifactT &a) { a.targets[0]->probes->peak_kernel = 5; },
     "targets[0].probes.peak_kernel: expected a kernel with the binding ReadWrite, found others"},
    {"probe tile", [](fb::ArtifactT &a) { a.targets[0]->probes->read_tile_bytes = 0; },
     "targets[0].probes.read_tile_bytes: expected 1 to 1073741824, found 0"},
    {"probe unit", [](fb::ArtifactT &a) { a.targets[0]->probes->peak_unit.clear(); },
     "targets[0].probes.peak_unit: expected a text, found none"},
};

TEST(HeaderDamage, IsNamedInFileTables) {
  for (Damage damage : fileDamages) {
    std::string finding = damage.finding;
    std::vector<std::byte> code = anyCode();
    char found[17];
    std::snprintf(found, sizeof(found), "%016llx", static_cast<unsigned long long>(checksum(code)));
    if (size_t at = finding.find("CHECKSUM"); at != std::string::npos)
      finding.replace(at, 8, found);
    damage.finding = finding.c_str();
    expectFindings({&damage, 1});
  }
}

TEST(HeaderDamage, IsNamedInTheTokenizer) { expectFindings(tokenizerDamages); }

TEST(HeaderDamage, IsNamedInTargets) { expectFindings(targetDamages); }

} // namespace
} // namespace tawny::test
