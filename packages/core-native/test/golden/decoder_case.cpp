// decoder_*: one velocity and every intermediate of every layer.
#include "case.h"

namespace ace::golden {

namespace {

// "act.layer3.self_q" is the probe "layers.3.self_q".
std::string probe_name(const std::string& activation) {
  const std::string name = activation.substr(4);
  return name.rfind("layer", 0) == 0 ? "layers." + name.substr(5) : name;
}

void run(Case& c) {
  c.from_decoder();
  const Decoder& decoder = c.model().decoder();
  const Values &x = c.input("in.x"), &context = c.input("in.context"), &cond = c.input("in.cond");
  const int64_t batch = x.shape[0], frames = x.shape[1];
  Program program(c.device().kind());
  Tape tape(program, Recompute::none, false);
  std::unordered_map<std::string, Tensor> probes;
  tape.set_probes(&probes);
  DecoderInputs in;
  in.x_t = program.input(x.shape, decoder.dtype(), "x");
  in.context = program.input(context.shape, DType::f32, "context");
  in.condition = program.input(cond.shape, decoder.dtype(), "condition");
  in.t = program.input({batch}, DType::f32, "t");
  in.r = program.input({batch}, DType::f32, "r");
  in.frame_count = program.input({batch}, DType::i32, "frame_count");
  const Tensor velocity = decoder.velocity(tape, in, {}).value;
  program.keep(velocity);

  Runner runner(program, c.device());
  runner.set(in.x_t, x);
  runner.set(in.context, context);
  runner.set(in.condition, cond);
  runner.set(in.t, c.input("in.t"));
  runner.set(in.r, c.input("in.r"));
  runner.set_all(in.frame_count, static_cast<double>(frames));
  runner.run();

  c.compare("out.velocity", with_frames(runner.get(velocity), frames));
  const int64_t head_dim = decoder.config().head_dim;
  for (const std::string& name : c.names("act.")) {
    auto probe = probes.find(probe_name(name));
    if (probe == probes.end()) continue;  // told as neither consumed nor compared
    const std::string last = name.substr(name.rfind('_') + 1);
    const Values ours = runner.get(probe->second);
    c.compare(name, last == "q" || last == "k" || last == "v" ? heads_first(ours, head_dim) : ours);
  }
}

const CaseKind kind("decoder_", run);

}  // namespace

}  // namespace ace::golden
