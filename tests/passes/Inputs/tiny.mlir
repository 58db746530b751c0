// A llama of two layers at the smallest sizes that its formats allow: hidden 64, two query heads and
// one KV head of 32, intermediate 96, 128 tokens. As an importer writes it, before any fusion.
llm.weight @token_embd.weight : tensor<128x64x!llm.q8_0> at 0
llm.weight @blk.0.attn_norm.weight : tensor<64xf32> at 16384
llm.weight @blk.0.attn_q.weight : tensor<64x64x!llm.q8_0> at 16640
llm.weight @blk.0.attn_k.weight : tensor<32x64x!llm.q8_0> at 20992
llm.weight @blk.0.attn_v.weight : tensor<32x64xf16> at 23168
llm.weight @blk.0.attn_output.weight : tensor<64x64x!llm.q8_0> at 27264
llm.weight @blk.0.ffn_norm.weight : tensor<64xf32> at 31616
llm.weight @blk.0.ffn_gate.weight : tensor<96x64x!llm.q4_0> at 31872
llm.weight @blk.0.ffn_up.weight : tensor<96x64x!llm.q4_0> at 35328
llm.weight @blk.0.ffn_down.weight : tensor<64x96x!llm.q4_0> at 38784
llm.weight @blk.1.attn_norm.weight : tensor<64xf32> at 42240
llm.weight @blk.1.attn_q.weight : tensor<64x64x!llm.q8_0> at 42496
llm.weight @blk.1.attn_k.weight : tensor<32x64x!llm.q8_0> at 46848
llm.weight @blk.1.attn_v.weight : tensor<32x64xf16> at 49024
llm.weight @blk.1.attn_output.weight : tensor<64x64x!llm.q8_0> at 53120
llm.weight @blk.1.ffn_norm.weight : tensor<64xf32> at 57472
llm.weight @blk.1.ffn_gate.weight : tensor<96x64x!llm.q4_0> at 57728
llm.weight @blk.1.ffn_up.weight : tensor<96x64x!llm.q4_0> at 61184
llm.weight @blk.1.ffn_down.weight : tensor<64x96x!llm.q4_0> at 64640
llm.weight @output_norm.weight : tensor<64xf32> at 68096
llm.weight @output.weight : tensor<128x64x!llm.q8_0> at 68352

func.func @model(%step: !llm.step, %kv: !llm.kv<layers = 2, heads = 1, dim = 32>) -> (tensor<?x128xf32>, !llm.kv<layers = 2, heads = 1, dim = 32>) {
  %table = llm.load_weight @token_embd.weight : tensor<128x64x!llm.q8_0>
  %x0 = llm.embed %step, %table : tensor<128x64x!llm.q8_0> -> tensor<?x64xf32>
  %wan_0 = llm.load_weight @blk.0.attn_norm.weight : tensor<64xf32>
  %an_0 = llm.rms_norm %x0, %wan_0 eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %wq_0 = llm.load_weight @blk.0.attn_q.weight : tensor<64x64x!llm.q8_0>
  %q_0 = llm.linear %an_0 weights(%wq_0) at [0]
    : (tensor<?x64xf32>, tensor<64x64x!llm.q8_0>) -> tensor<?x64xf32>
  %wk_0 = llm.load_weight @blk.0.attn_k.weight : tensor<32x64x!llm.q8_0>
  %k_0 = llm.linear %an_0 weights(%wk_0) at [0]
    : (tensor<?x64xf32>, tensor<32x64x!llm.q8_0>) -> tensor<?x32xf32>
  %wv_0 = llm.load_weight @blk.0.attn_v.weight : tensor<32x64xf16>
  %v_0 = llm.linear %an_0 weights(%wv_0) at [0]
    : (tensor<?x64xf32>, tensor<32x64xf16>) -> tensor<?x32xf32>
  %qr_0 = llm.rope %q_0, %step <head = 32, rotary = 32, base = 1.0e+04, adjacent> : tensor<?x64xf32>
  %kr_0 = llm.rope %k_0, %step <head = 32, rotary = 32, base = 1.0e+04, adjacent> : tensor<?x32xf32>
  %kv_0 = llm.kv_append %kv, %kr_0, %v_0, %step layer 0
    : !llm.kv<layers = 2, heads = 1, dim = 32>, tensor<?x32xf32>
  %a_0 = llm.attention %qr_0, %kv_0, %step layer 0 scale 1.25e-1
    : tensor<?x64xf32>, !llm.kv<layers = 2, heads = 1, dim = 32> -> tensor<?x64xf32>
  %wo_0 = llm.load_weight @blk.0.attn_output.weight : tensor<64x64x!llm.q8_0>
  %o_0 = llm.linear %a_0 weights(%wo_0) at [0]
    : (tensor<?x64xf32>, tensor<64x64x!llm.q8_0>) -> tensor<?x64xf32>
  %h_0 = arith.addf %x0, %o_0 : tensor<?x64xf32>
  %wfn_0 = llm.load_weight @blk.0.ffn_norm.weight : tensor<64xf32>
  %fn_0 = llm.rms_norm %h_0, %wfn_0 eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %wgate_0 = llm.load_weight @blk.0.ffn_gate.weight : tensor<96x64x!llm.q4_0>
  %gate_0 = llm.linear %fn_0 weights(%wgate_0) at [0]
    : (tensor<?x64xf32>, tensor<96x64x!llm.q4_0>) -> tensor<?x96xf32>
  %wup_0 = llm.load_weight @blk.0.ffn_up.weight : tensor<96x64x!llm.q4_0>
  %up_0 = llm.linear %fn_0 weights(%wup_0) at [0]
    : (tensor<?x64xf32>, tensor<96x64x!llm.q4_0>) -> tensor<?x96xf32>
  %s_0 = llm.silu %gate_0 : tensor<?x96xf32>
  %m_0 = arith.mulf %s_0, %up_0 : tensor<?x96xf32>
  %wd_0 = llm.load_weight @blk.0.ffn_down.weight : tensor<64x96x!llm.q4_0>
  %d_0 = llm.linear %m_0 weights(%wd_0) at [0]
    : (tensor<?x96xf32>, tensor<64x96x!llm.q4_0>) -> tensor<?x64xf32>
  %x1 = arith.addf %h_0, %d_0 : tensor<?x64xf32>
  %wan_1 = llm.load_weight @blk.1.attn_norm.weight : tensor<64xf32>
  %an_1 = llm.rms_norm %x1, %wan_1 eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %wq_1 = llm.load_weight @blk.1.attn_q.weight : tensor<64x64x!llm.q8_0>
  %q_1 = llm.linear %an_1 weights(%wq_1) at [0]
    : (tensor<?x64xf32>, tensor<64x64x!llm.q8_0>) -> tensor<?x64xf32>
  %wk_1 = llm.load_weight @blk.1.attn_k.weight : tensor<32x64x!llm.q8_0>
  %k_1 = llm.linear %an_1 weights(%wk_1) at [0]
    : (tensor<?x64xf32>, tensor<32x64x!llm.q8_0>) -> tensor<?x32xf32>
  %wv_1 = llm.load_weight @blk.1.attn_v.weight : tensor<32x64xf16>
  %v_1 = llm.linear %an_1 weights(%wv_1) at [0]
    : (tensor<?x64xf32>, tensor<32x64xf16>) -> tensor<?x32xf32>
  %qr_1 = llm.rope %q_1, %step <head = 32, rotary = 32, base = 1.0e+04, adjacent> : tensor<?x64xf32>
  %kr_1 = llm.rope %k_1, %step <head = 32, rotary = 32, base = 1.0e+04, adjacent> : tensor<?x32xf32>
  %kv_1 = llm.kv_append %kv_0, %kr_1, %v_1, %step layer 1
    : !llm.kv<layers = 2, heads = 1, dim = 32>, tensor<?x32xf32>
  %a_1 = llm.attention %qr_1, %kv_1, %step layer 1 scale 1.25e-1
    : tensor<?x64xf32>, !llm.kv<layers = 2, heads = 1, dim = 32> -> tensor<?x64xf32>
  %wo_1 = llm.load_weight @blk.1.attn_output.weight : tensor<64x64x!llm.q8_0>
  %o_1 = llm.linear %a_1 weights(%wo_1) at [0]
    : (tensor<?x64xf32>, tensor<64x64x!llm.q8_0>) -> tensor<?x64xf32>
  %h_1 = arith.addf %x1, %o_1 : tensor<?x64xf32>
  %wfn_1 = llm.load_weight @blk.1.ffn_norm.weight : tensor<64xf32>
  %fn_1 = llm.rms_norm %h_1, %wfn_1 eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %wgate_1 = llm.load_weight @blk.1.ffn_gate.weight : tensor<96x64x!llm.q4_0>
  %gate_1 = llm.linear %fn_1 weights(%wgate_1) at [0]
    : (tensor<?x64xf32>, tensor<96x64x!llm.q4_0>) -> tensor<?x96xf32>
  %wup_1 = llm.load_weight @blk.1.ffn_up.weight : tensor<96x64x!llm.q4_0>
  %up_1 = llm.linear %fn_1 weights(%wup_1) at [0]
    : (tensor<?x64xf32>, tensor<96x64x!llm.q4_0>) -> tensor<?x96xf32>
  %s_1 = llm.silu %gate_1 : tensor<?x96xf32>
  %m_1 = arith.mulf %s_1, %up_1 : tensor<?x96xf32>
  %wd_1 = llm.load_weight @blk.1.ffn_down.weight : tensor<64x96x!llm.q4_0>
  %d_1 = llm.linear %m_1 weights(%wd_1) at [0]
    : (tensor<?x96xf32>, tensor<64x96x!llm.q4_0>) -> tensor<?x64xf32>
  %x2 = arith.addf %h_1, %d_1 : tensor<?x64xf32>
  %last = llm.logit_rows %x2, %step : tensor<?x64xf32>
  %won = llm.load_weight @output_norm.weight : tensor<64xf32>
  %n = llm.rms_norm %last, %won eps 1.0e-5 : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %wout = llm.load_weight @output.weight : tensor<128x64x!llm.q8_0>
  %logits = llm.linear %n weights(%wout) at [0]
    : (tensor<?x64xf32>, tensor<128x64x!llm.q8_0>) -> tensor<?x128xf32>
  return %logits, %kv_1 : tensor<?x128xf32>, !llm.kv<layers = 2, heads = 1, dim = 32>
}
