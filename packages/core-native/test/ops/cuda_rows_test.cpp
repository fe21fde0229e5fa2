// Copies and sums of whole rows: the CUDA twins, and load_rows, whose sources are addresses, on both.
#include "check_op.h"
#include "on_device.h"

using namespace ace;
using namespace ace::test;

namespace {

TwinInput wide(Shape shape) { return {.shape = shape, .grad = false, .wide = true}; }

std::vector<float> counted(int64_t n, float from) {
  std::vector<float> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(from + static_cast<float>(i));
  return out;
}

// What load_rows must leave of `before`: rows from `source`, zeros behind them, all of a sample without a source.
std::vector<float> loaded(std::vector<float> before, const std::vector<float>& source, int64_t length, int64_t width, const std::vector<int64_t>& first,
                          const std::vector<int64_t>& rows) {
  for (size_t b = 0; b < rows.size(); ++b)
    for (int64_t i = 0; first[b] >= 0 && i < length * width; ++i)
      before[b * static_cast<size_t>(length * width) + static_cast<size_t>(i)] =
          i < rows[b] * width ? source[static_cast<size_t>(first[b] * width + i)] : 0.0f;
  return before;
}

// Sample 0 is shorter than its place, 1 has no source, 2 fills its place from an odd row on, 3 is longer, 4 is empty.
const std::vector<int64_t> kFirst{0, -1, 3, 1, 2}, kRows{4, 9, 6, 11, 0};
constexpr int64_t kLength = 6, kResident = 12;

std::vector<int64_t> sources_at(const void* data, int64_t row_bytes) {
  std::vector<int64_t> out;
  for (size_t b = 0; b < kRows.size(); ++b) {
    const auto address = static_cast<int64_t>(reinterpret_cast<intptr_t>(data));
    out.insert(out.end(), {kFirst[b] < 0 ? 0 : address + kFirst[b] * row_bytes, kRows[b]});
  }
  return out;
}

}  // namespace

TEST("load_rows gathers rows by address, zero behind the last, and leaves a sample without an address") {
  for (const int64_t width : {1, 7, 64}) {
    const std::vector<float> resident = counted(kResident * width, 1), before = counted(5 * kLength * width, -5000);
    std::vector<float> to = before;
    std::vector<int64_t> sources = sources_at(resident.data(), width * 4);
    ThreadPool pool(1);
    Stream stream{.pool = &pool};
    cpu::load_rows(stream, {.data = to.data(), .shape = {5, kLength, width}}, {.data = sources.data(), .dtype = DType::i64, .shape = {5, 2}});
    CHECK(to == loaded(before, resident, kLength, width, kFirst, kRows));
  }
}

TEST("CUDA: load_rows gathers rows of the device's memory by address") {
  skip_without_cuda();
#if ACE_WITH_CUDA
  Stream stream{.device = DeviceKind::cuda};
  for (const int64_t width : {1, 7, 8, 64, 300}) {
    CONTEXT("width " << width);
    const std::vector<float> resident = counted(kResident * width, 1), before = counted(5 * kLength * width, -5000);
    const std::vector<float> expected = loaded(before, resident, kLength, width, kFirst, kRows);
    const OnDevice from({kResident, width}, DType::f32, resident), to({5, kLength, width}, DType::f32, before);
    const OnDevice sources({5, 2}, DType::i64, sources_at(from.tensor().data, width * 4));
    cuda::load_rows(stream, to.tensor(), sources.tensor());
    CHECK(to.get<float>() == expected);

    auto narrowed = [](const std::vector<float>& values) {
      std::vector<uint16_t> out;
      for (const float value : values) out.push_back(to_bf16(value).bits);
      return out;
    };
    const OnDevice from16({kResident, width}, DType::bf16, narrowed(resident)), to16({5, kLength, width}, DType::bf16, narrowed(before));
    const OnDevice sources16({5, 2}, DType::i64, sources_at(from16.tensor().data, width * 2));
    cuda::load_rows(stream, to16.tensor(), sources16.tensor());
    CHECK(to16.get<uint16_t>() == narrowed(expected));
  }
#endif
}

TEST("CUDA: add_rows equals the CPU twin with a table of rows and with one row a sample") {
  skip_without_cuda();
  for (const int64_t width : {3, 64, 2049})
    for (const bool shared : {false, true})
      check_twins(TwinCalls{"add_rows", {wide({6, width}), shared ? wide({3, width}) : wide({3, 6, width})},
                            [&](Tape& tape, const std::vector<Tensor>& x) {
                              const Tensor y = tape.empty({3, 6, width}, x[0].dtype);
                              tape.program().call<kernels::add_rows>(y, x[0], x[1]);
                              return std::vector<Tensor>{y};
                            }},
                  {.f32 = 0, .with_bf16 = false});
}

TEST("CUDA: select_rows, prepend_token and first_token copy as the CPU twins do") {
  skip_without_cuda();
  for (const int64_t width : {3, 64, 2051}) {
    const TwinBounds exact{.f32 = 0, .bf16 = 0};
    for (const bool wide_token : {false, true}) {
      const TwinInput token{.shape = {width}, .grad = false, .wide = wide_token};
      check_twins(TwinCalls{"select_rows", {{.shape = {3, 4, width}}, token, given(Shape{3}, std::vector<int32_t>{0, 1, 0})},
                            [](Tape& tape, const std::vector<Tensor>& x) {
                              const Tensor y = tape.empty(x[0].shape, x[0].dtype);
                              tape.program().call<kernels::select_rows>(y, x[0], x[1], x[2]);
                              return std::vector<Tensor>{y};
                            }},
                  exact);
      check_twins(TwinCalls{"prepend_token", {{.shape = {3, 4, width}}, token},
                            [&](Tape& tape, const std::vector<Tensor>& x) {
                              const Tensor y = tape.empty({3, 5, width}, x[0].dtype);
                              tape.program().call<kernels::prepend_token>(y, x[1], x[0]);
                              return std::vector<Tensor>{y};
                            }},
                  exact);
    }
    check_twins(TwinCalls{"first_token", {{.shape = {3, 4, width}}},
                          [&](Tape& tape, const std::vector<Tensor>& x) {
                            const Tensor y = tape.empty({3, width}, x[0].dtype);
                            tape.program().call<kernels::first_token>(y, x[0]);
                            return std::vector<Tensor>{y};
                          }},
                exact);
  }
}
