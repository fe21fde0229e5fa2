#include "optim/plain.h"

#include <algorithm>
#include <stdexcept>

namespace ace::test {

namespace {

using Tensors = std::vector<PlainTensor>;
using Gradients = std::vector<Vector>;

// One vector of zeros a tensor, made when first asked for.
class Memory {
 public:
  Vector& operator()(const Tensors& tensors, size_t i) {
    of_.resize(tensors.size());
    if (of_[i].empty()) of_[i].assign(tensors[i].w.size(), 0.0);
    return of_[i];
  }

 private:
  std::vector<Vector> of_;
};

void adamw_numbers(PlainTensor& x, const Vector& g, Vector& m, Vector& v, const OptimizerConfig& c, double rate, int t) {
  for (size_t i = 0; i < g.size(); ++i) {
    m[i] = c.beta1 * m[i] + (1 - c.beta1) * g[i];
    v[i] = c.beta2 * v[i] + (1 - c.beta2) * g[i] * g[i];
    const double m_hat = m[i] / (1 - std::pow(c.beta1, t)), v_hat = v[i] / (1 - std::pow(c.beta2, t));
    x.w[i] -= rate * x.rate * c.weight_decay * x.decay * x.w[i];
    x.w[i] -= rate * x.rate * m_hat / (std::sqrt(v_hat) + c.epsilon);
  }
}

struct PlainAdamw : PlainOptimizer {
  using PlainOptimizer::PlainOptimizer;
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    ++t;
    for (size_t i = 0; i < tensors.size(); ++i) adamw_numbers(tensors[i], g[i], m(tensors, i), v(tensors, i), config, rate, t);
  }
  Memory m, v;
};

// The values a byte stands for: the middles of even pieces of [0.1, 1], by powers of ten; twice the pieces each time.
Vector byte_values(bool with_sign) {
  Vector out;
  for (int i = 0; i < 7; ++i) {
    const int items = (with_sign ? 1 << i : 1 << (i + 1)) + 1;
    for (int k = 0; k + 1 < items; ++k) {
      const double low = 0.1 + 0.9 * k / (items - 1), high = 0.1 + 0.9 * (k + 1) / (items - 1);
      const double value = static_cast<float>(std::pow(10, i - 6) * (low + high) / 2);
      out.push_back(value);
      if (with_sign) out.push_back(-value);
    }
  }
  out.push_back(0);
  out.push_back(1);
  std::sort(out.begin(), out.end());
  if (out.size() != 256) throw std::logic_error("a byte has 256 values");
  return out;
}

// What is left of x after a round through bytes, 256 numbers a block.
void through_bytes(Vector& x, bool with_sign) {
  const Vector values = byte_values(with_sign);
  for (size_t from = 0; from < x.size(); from += 256) {
    const size_t to = std::min(x.size(), from + 256);
    double most = 0;
    for (size_t i = from; i < to; ++i) most = std::max(most, std::abs(x[i]));
    most = static_cast<double>(static_cast<float>(most));
    if (most == 0) continue;
    for (size_t i = from; i < to; ++i) {
      size_t best = 0;
      for (size_t k = 1; k < 256; ++k)
        if (std::abs(values[k] - x[i] / most) < std::abs(values[best] - x[i] / most)) best = k;
      if (!with_sign && best == 0 && x[i] > 0) best = 1;
      x[i] = values[best] * most;
    }
  }
}

struct PlainAdamw8 : PlainAdamw {
  using PlainAdamw::PlainAdamw;
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    PlainAdamw::step(tensors, g, rate);
    for (size_t i = 0; i < tensors.size(); ++i) {
      through_bytes(m(tensors, i), true);
      through_bytes(v(tensors, i), false);
    }
  }
};

struct PlainLion : PlainOptimizer {
  using PlainOptimizer::PlainOptimizer;
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    for (size_t n = 0; n < tensors.size(); ++n) {
      PlainTensor& x = tensors[n];
      Vector& memory = m(tensors, n);
      for (size_t i = 0; i < x.w.size(); ++i) {
        const double c = config.beta1 * memory[i] + (1 - config.beta1) * g[n][i];
        const double sign = c > 0 ? 1 : c < 0 ? -1 : 0;
        x.w[i] -= rate * x.rate * (sign + config.weight_decay * x.decay * x.w[i]);
        memory[i] = config.beta2 * memory[i] + (1 - config.beta2) * g[n][i];
      }
    }
  }
  Memory m;
};

// The tensors' w is x; y is where the gradient is taken.
struct PlainScheduleFree : PlainOptimizer {
  using PlainOptimizer::PlainOptimizer;
  Vector point(const Tensors& tensors, size_t n) const override {
    Vector y = tensors[n].w;
    if (!z.empty())
      for (size_t i = 0; i < y.size(); ++i) y[i] = (1 - config.beta1) * z[n][i] + config.beta1 * y[i];
    return y;
  }
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    if (z.empty())
      for (const PlainTensor& x : tensors) z.push_back(x.w);
    ++t;
    largest = std::max(largest, rate);
    weights += largest * largest;
    const double c = weights > 0 ? largest * largest / weights : 0;
    for (size_t n = 0; n < tensors.size(); ++n) {
      PlainTensor& x = tensors[n];
      const Vector y = point(tensors, n);
      Vector& squares = v(tensors, n);
      for (size_t i = 0; i < y.size(); ++i) {
        squares[i] = config.beta2 * squares[i] + (1 - config.beta2) * g[n][i] * g[n][i];
        const double v_hat = squares[i] / (1 - std::pow(config.beta2, t));
        z[n][i] -= rate * x.rate * (g[n][i] / (std::sqrt(v_hat) + config.epsilon) + config.weight_decay * x.decay * y[i]);
        x.w[i] = (1 - c) * x.w[i] + c * z[n][i];
      }
    }
  }
  std::vector<Vector> z;
  Memory v;
  double largest = 0, weights = 0;
};

struct PlainProdigy : PlainOptimizer {
  using PlainOptimizer::PlainOptimizer;
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    const ProdigySpec& p = config.prodigy;
    if (first.empty()) {
      for (const PlainTensor& x : tensors) first.push_back(x.w);
      d = d_max = p.initial;
    }
    ++t;
    if (rate <= 0) return;
    const double beta3 = p.beta3 > 0 ? p.beta3 : std::sqrt(config.beta2);
    const double correction = p.bias_correction ? std::sqrt(1 - std::pow(config.beta2, t)) / (1 - std::pow(config.beta1, t)) : 1;
    const double dlr = d * rate * correction;
    double product = 0, denominator = 0;
    for (size_t n = 0; n < tensors.size(); ++n) {
      Vector &mean = m(tensors, n), &squares = v(tensors, n), &sum = s(tensors, n);
      for (size_t i = 0; i < mean.size(); ++i) {
        const double x = g[n][i];
        product += x * (first[n][i] - tensors[n].w[i]);
        mean[i] = config.beta1 * mean[i] + d * (1 - config.beta1) * x;
        squares[i] = config.beta2 * squares[i] + d * d * (1 - config.beta2) * x * x;
        sum[i] = beta3 * sum[i] + d / p.initial * (p.safeguard_warmup ? d : dlr) * x;
        denominator += std::abs(sum[i]);
      }
    }
    numerator = beta3 * numerator + d / p.initial * dlr * product;
    if (denominator > 0) {
      const double d_hat = p.coefficient * numerator / denominator;
      if (d == p.initial) d = std::max(d, d_hat);
      d_max = std::max(d_max, d_hat);
      d = std::min(d_max, d * p.growth);
    }
    for (size_t n = 0; n < tensors.size(); ++n) {
      PlainTensor& x = tensors[n];
      for (size_t i = 0; i < x.w.size(); ++i) {
        x.w[i] -= dlr * x.rate * config.weight_decay * x.decay * x.w[i];
        x.w[i] -= dlr * x.rate * m(tensors, n)[i] / (std::sqrt(v(tensors, n)[i]) + d * config.epsilon);
      }
    }
  }
  std::vector<Vector> first;
  Memory m, v, s;
  double d = 0, d_max = 0, numerator = 0;
};

double rms(const Vector& x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

struct PlainAdafactor : PlainOptimizer {
  using PlainOptimizer::PlainOptimizer;
  void step(Tensors& tensors, const Gradients& g, double base_rate) override {
    const AdafactorSpec& a = config.adafactor;
    ++t;
    const double beta2 = 1 - std::pow(t, a.decay_exponent);
    const double rate = a.relative_step ? std::min(base_rate, 1 / std::sqrt(t)) : base_rate;
    rows.resize(tensors.size());
    columns.resize(tensors.size());
    for (size_t n = 0; n < tensors.size(); ++n) {
      PlainTensor& x = tensors[n];
      Vector u(x.w.size());
      if (x.matrix) {
        Vector &r = rows[n], &c = columns[n];
        r.resize(x.rows);
        c.resize(x.columns);
        for (double& value : r) value *= beta2;
        for (double& value : c) value *= beta2;
        for (size_t i = 0; i < x.rows; ++i)
          for (size_t j = 0; j < x.columns; ++j) {
            const double square = g[n][i * x.columns + j] * g[n][i * x.columns + j] + a.squares_epsilon;
            r[i] += (1 - beta2) * square / static_cast<double>(x.columns);
            c[j] += (1 - beta2) * square / static_cast<double>(x.rows);
          }
        double mean = 0;
        for (const double value : r) mean += value / static_cast<double>(x.rows);
        for (size_t i = 0; i < u.size(); ++i) u[i] = g[n][i] / std::sqrt(r[i / x.columns] * c[i % x.columns] / mean);
      } else {
        Vector& squares = v(tensors, n);
        for (size_t i = 0; i < u.size(); ++i) {
          squares[i] = beta2 * squares[i] + (1 - beta2) * (g[n][i] * g[n][i] + a.squares_epsilon);
          u[i] = g[n][i] / std::sqrt(squares[i]);
        }
      }
      const double clip = std::max(1.0, rms(u) / a.clip_threshold), size = a.scale_parameter ? std::max(a.scale_epsilon, rms(x.w)) : 1;
      Vector& mean = m(tensors, n);
      for (size_t i = 0; i < u.size(); ++i) {
        double step = u[i] / clip * rate * x.rate * size;
        if (a.beta1 > 0) step = mean[i] = a.beta1 * mean[i] + (1 - a.beta1) * step;
        x.w[i] -= rate * x.rate * config.weight_decay * x.decay * x.w[i];
        x.w[i] -= step;
      }
    }
  }
  std::vector<Vector> rows, columns;
  Memory v, m;
};

using Matrix = std::vector<Vector>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix out(a.size(), Vector(b[0].size()));
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < b.size(); ++k)
      for (size_t j = 0; j < b[0].size(); ++j) out[i][j] += a[i][k] * b[k][j];
  return out;
}

Matrix transposed(const Matrix& a) {
  Matrix out(a[0].size(), Vector(a.size()));
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a[0].size(); ++j) out[j][i] = a[i][j];
  return out;
}

// Newton-Schulz to the nearest orthogonal matrix, roughly.
Matrix orthogonalised(Matrix x) {
  const bool tall = x.size() > x[0].size();
  if (tall) x = transposed(x);
  double sum = 0;
  for (const Vector& row : x)
    for (const double value : row) sum += value * value;
  for (Vector& row : x)
    for (double& value : row) value /= std::sqrt(sum) + 1e-7;
  for (int step = 0; step < 5; ++step) {
    const Matrix a = product(x, transposed(x)), aa = product(a, a);
    Matrix b = a;
    for (size_t i = 0; i < a.size(); ++i)
      for (size_t j = 0; j < a.size(); ++j) b[i][j] = -4.7750 * a[i][j] + 2.0315 * aa[i][j];
    const Matrix bx = product(b, x);
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t j = 0; j < x[0].size(); ++j) x[i][j] = 3.4445 * x[i][j] + bx[i][j];
  }
  return tall ? transposed(x) : x;
}

struct PlainMuon : PlainOptimizer {
  using PlainOptimizer::PlainOptimizer;
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    ++t;
    const MuonSpec& spec = config.muon;
    for (size_t n = 0; n < tensors.size(); ++n) {
      PlainTensor& x = tensors[n];
      if (!x.matrix) {
        adamw_numbers(x, g[n], m(tensors, n), v(tensors, n), config, rate, t);
        continue;
      }
      Vector& momentum = m(tensors, n);
      Matrix direction(x.rows, Vector(x.columns));
      for (size_t i = 0; i < momentum.size(); ++i) {
        momentum[i] += (1 - spec.momentum) * (g[n][i] - momentum[i]);
        direction[i / x.columns][i % x.columns] = spec.nesterov ? g[n][i] + spec.momentum * (momentum[i] - g[n][i]) : momentum[i];
      }
      const Matrix update = orthogonalised(direction);
      const double height = static_cast<double>(x.rows), width = static_cast<double>(x.columns);
      const double adjusted = rate * x.rate * (spec.match_adamw ? 0.2 * std::sqrt(std::max(height, width)) : std::sqrt(std::max(1.0, height / width)));
      for (size_t i = 0; i < momentum.size(); ++i) {
        x.w[i] *= 1 - rate * x.rate * config.weight_decay * x.decay;
        x.w[i] -= adjusted * update[i / x.columns][i % x.columns];
      }
    }
  }
  Memory m, v;
};

// The tensors' w is the average; what is trained is kept here.
struct PlainAveraged : PlainOptimizer {
  explicit PlainAveraged(const OptimizerConfig& config) : PlainOptimizer(config) {
    OptimizerConfig without = config;
    without.ema_decay = 0;
    inner = plain_optimizer(without);
  }
  void step(Tensors& tensors, const Gradients& g, double rate) override {
    if (trained.empty()) trained = tensors;
    inner->step(trained, g, rate);
    ++t;
    const double d = std::min(config.ema_decay, (1.0 + t) / (10.0 + t));
    for (size_t n = 0; n < tensors.size(); ++n)
      for (size_t i = 0; i < tensors[n].w.size(); ++i) tensors[n].w[i] = d * tensors[n].w[i] + (1 - d) * trained[n].w[i];
  }
  std::unique_ptr<PlainOptimizer> inner;
  Tensors trained;
};

}  // namespace

std::unique_ptr<PlainOptimizer> plain_optimizer(const OptimizerConfig& config) {
  if (config.ema_decay != 0) return std::make_unique<PlainAveraged>(config);
  switch (config.kind) {
    case OptimizerKind::adamw: return std::make_unique<PlainAdamw>(config);
    case OptimizerKind::adamw8bit: return std::make_unique<PlainAdamw8>(config);
    case OptimizerKind::lion: return std::make_unique<PlainLion>(config);
    case OptimizerKind::schedule_free: return std::make_unique<PlainScheduleFree>(config);
    case OptimizerKind::prodigy: return std::make_unique<PlainProdigy>(config);
    case OptimizerKind::adafactor: return std::make_unique<PlainAdafactor>(config);
    case OptimizerKind::muon: return std::make_unique<PlainMuon>(config);
  }
  throw std::logic_error("an optimiser of unknown kind");
}

}  // namespace ace::test
