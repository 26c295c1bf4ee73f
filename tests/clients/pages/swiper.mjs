import Swiper from "swiper";
import { Autoplay } from "swiper/modules";

window.swiper = new Swiper(".swiper", { modules: [Autoplay], loop: true, speed: 0 });
